/** Pictures as inputs: files that the browser reads, and images of other sizes. */

import { InputError } from "../engine/errors.js";
import { SIDE } from "./scene.js";

/** Return a picture file as a drawing, light ink on dark; dark ink on light is turned round. */
export async function readPicture(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new InputError(`${file.name} is no picture that this browser reads`);
  }
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext("2d");
  const scale = Math.min(SIDE / bitmap.width, SIDE / bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  context.drawImage(bitmap, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  const grey = (i) => (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) * (data[4 * i + 3] / 255);
  const image = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => Math.round(grey(i)));
  const light = image.reduce((sum, pixel) => sum + pixel, 0) / image.length > 127;
  return light ? image.map((pixel) => 255 - pixel) : image;
}

/** Return an image of another side: the nearest pixel of each. */
export function resize(image, side) {
  const own = Math.sqrt(image.length);
  if (side === own) return image;
  const near = (i) => Math.min(own - 1, Math.floor(((i + 0.5) * own) / side));
  return Uint8Array.from({ length: side * side }, (_, i) => image[near(Math.floor(i / side)) * own + near(i % side)]);
}
