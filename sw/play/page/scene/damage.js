/** Damage to an image, and lattices of pure noise; each is drawn from a seed. */

import { clamp } from "../engine/fixed.js";
import { Random } from "./random.js";

/** Round to nearest, ties to even, as Python's `round` does. */
function roundEven(value) {
  const whole = Math.round(value);
  return whole - value === 0.5 && whole % 2 ? whole - 1 : whole;
}

/** Blank a share of the pixels, in percent: those of `sw.data.damage.blank` with index `seed`. */
function blank(image, percent, seed) {
  const count = roundEven((image.length * percent) / 100);
  for (const place of new Random(seed).permutation(image.length).subarray(0, count)) image[place] = 0;
}

/** Rub `count` round holes, half of a sixth of the side in radius. */
function holes(image, count, seed) {
  const random = new Random(seed);
  const side = Math.sqrt(image.length);
  const radius = side / 8;
  for (let n = 0; n < count; n++) {
    const [x, y] = [0, 1].map(() => side * (0.2 + 0.6 * random.number()));
    image.forEach((_, place) => {
      const [dx, dy] = [(place % side) + 0.5 - x, Math.floor(place / side) + 0.5 - y];
      if (dx * dx + dy * dy < radius * radius) image[place] = 0;
    });
  }
}

/** Add noise with a standard deviation in grey levels. */
function noise(image, sigma, seed) {
  const random = new Random(seed);
  image.forEach((pixel, place) => {
    image[place] = clamp(Math.round(pixel + sigma * random.normal()), 0, 255);
  });
}

export const KINDS = { blank, holes, noise };
export const MOST = { blank: 100, holes: 20, noise: 255 };

/** Return a copy of an image with damage `[{kind, amount, seed}, …]` done to it in turn. */
export function damaged(image, damage) {
  const copy = image.slice();
  for (const { kind, amount, seed } of damage) KINDS[kind](copy, amount, seed);
  return copy;
}

/** Return a lattice of Gaussian noise, int8, with a standard deviation in codes. */
export function noiseLattice(codes, sigma, seed) {
  const random = new Random(seed);
  return Int8Array.from({ length: codes }, () => clamp(Math.round(sigma * random.normal()), -128, 127));
}
