/**
 * Colours of codes. Each scale changes its lightness in one direction from its zero on, so that it
 * can be read without seeing hues; blue and orange stay apart for all common kinds of colour
 * blindness.
 */

const SCALES = {
  dark: {
    shown: ["#0a111d", "#1d4a63", "#6db5ad", "#fdf6e3"],
    codes: ["#8fc0ff", "#2d5fae", "#0d1522", "#a85c1b", "#ffc078"],
  },
  light: {
    shown: ["#fdfcf8", "#a5cbd0", "#2d6c84", "#0c1a2c"],
    codes: ["#123f8c", "#8fb3e6", "#fbf9f4", "#eeb27a", "#953f00"],
  },
};

/** Return tables of 256 colours for the theme: of pixels, and of codes from -128 on. */
export function palettes(dark) {
  const { shown, codes } = SCALES[dark ? "dark" : "light"];
  return { shown: table(shown), codes: table(codes) };
}

function table(stops) {
  const rgb = stops.map((stop) => [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (rgb.length - 1);
    const from = Math.min(Math.floor(place), rgb.length - 2);
    const [r, g, b] = rgb[from].map((low, part) => Math.round(low + (place - from) * (rgb[from + 1][part] - low)));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

/** Draw a field of codes, int8 or uint8, on a canvas of as many pixels. */
export function paint(canvas, field, width, palette) {
  const height = field.length / width;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = field instanceof Int8Array ? palette.codes : palette.shown;
  const zero = field instanceof Int8Array ? 128 : 0;
  for (let i = 0; i < field.length; i++) pixels[i] = colours[field[i] + zero];
  context.putImageData(image, 0, 0);
}
