/**
 * The referee: the project's fixed classifier of digits (`sw/judge/referee`), its weights in four
 * bits. It computes in floating point; it judges what is shown and is no part of the machine.
 */

const SIDE = 28;
const DIGITS = 10;

/** Outputs and inputs of each layer: two convolutions of 5 x 5, then two dense layers. */
const SIZES = [
  [16, 25],
  [32, 400],
  [128, 512],
  [DIGITS, 128],
];

export class Referee {
  /** `buffer` holds scales, biases and codes of each layer in turn. */
  constructor(buffer) {
    let place = 0;
    const take = (type, count) => {
      const size = count * type.BYTES_PER_ELEMENT;
      const found = new type(buffer.slice(place, place + size));
      place += size;
      return found;
    };
    this.layers = SIZES.map(([outputs, inputs]) => {
      const [scale, bias] = [take(Float32Array, outputs), take(Float32Array, outputs)];
      const weight = Float32Array.from(take(Int8Array, outputs * inputs), (code, i) => code * scale[Math.floor(i / inputs)]);
      return { weight, bias, outputs, inputs };
    });
  }

  /** Return `{digit, confidence}` of an image, Uint8Array (28, 28). */
  read(image) {
    const [first, second, third, last] = this.layers;
    const pixels = Float32Array.from(image, (pixel) => pixel / 255);
    const features = halve(convolve(pixels, SIDE, first), SIDE - 4);
    const more = halve(convolve(features, 12, second), 8);
    const odds = softmax(dense(dense(more, third).map((x) => Math.max(x, 0)), last));
    const digit = odds.indexOf(Math.max(...odds));
    return { digit, confidence: odds[digit] };
  }
}

/** A 5 x 5 convolution of planes `side` wide, without a rim. */
function convolve(planes, side, { weight, bias, outputs, inputs }) {
  const out = side - 4;
  const result = new Float32Array(outputs * out * out);
  const row = new Float32Array(out);
  for (let o = 0; o < outputs; o++) {
    for (let y = 0; y < out; y++) {
      row.fill(bias[o]);
      for (let tap = 0; tap < inputs; tap++) {
        const w = weight[o * inputs + tap];
        const plane = Math.floor(tap / 25) * side * side;
        const from = plane + (y + (Math.floor(tap / 5) % 5)) * side + (tap % 5);
        for (let x = 0; x < out; x++) row[x] += w * planes[from + x];
      }
      result.set(row, (o * out + y) * out);
    }
  }
  return result;
}

/** ReLU, and the largest of each 2 x 2. */
function halve(planes, side) {
  const half = side / 2;
  return Float32Array.from({ length: planes.length / 4 }, (_, i) => {
    const at = Math.floor(i / half) * 2 * side + (i % half) * 2;
    return Math.max(0, planes[at], planes[at + 1], planes[at + side], planes[at + side + 1]);
  });
}

function dense(codes, { weight, bias, outputs, inputs }) {
  return Float32Array.from({ length: outputs }, (_, o) => {
    let sum = bias[o];
    for (let i = 0; i < inputs; i++) sum += weight[o * inputs + i] * codes[i];
    return sum;
  });
}

function softmax(logits) {
  const most = Math.max(...logits);
  const odds = logits.map((x) => Math.exp(x - most));
  const sum = odds.reduce((total, x) => total + x, 0);
  return odds.map((x) => x / sum);
}
