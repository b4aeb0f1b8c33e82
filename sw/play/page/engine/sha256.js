/**
 * SHA-256, as hex. The browser's own is missing on pages from plain http, and answers later only.
 */

const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((p) => n % p)) PRIMES.push(n);

const ROUND = Int32Array.from(PRIMES, (p) => fraction(Math.cbrt(p)));
const START = Int32Array.from(PRIMES.slice(0, 8), (p) => fraction(Math.sqrt(p)));

/** The first 32 bits of a fraction. */
function fraction(value) {
  return ((value - Math.floor(value)) * 2 ** 32) | 0;
}

function rotate(x, n) {
  return (x >>> n) | (x << (32 - n));
}

/** The message with its padding: a bit 1, zeros, and the number of bits in 8 bytes. */
function pad(bytes) {
  const padded = new Uint8Array(((bytes.length + 8) & ~63) + 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, bytes.length << 3);
  return view;
}

/** Mix the 64 bytes at `place` into the digest's eight words. */
function mix(words, message, place, schedule) {
  for (let i = 0; i < 16; i++) schedule[i] = message.getInt32(place + 4 * i);
  for (let i = 16; i < 64; i++) {
    const u = schedule[i - 15];
    const v = schedule[i - 2];
    const s = rotate(u, 7) ^ rotate(u, 18) ^ (u >>> 3);
    const t = rotate(v, 17) ^ rotate(v, 19) ^ (v >>> 10);
    schedule[i] = schedule[i - 16] + s + schedule[i - 7] + t;
  }
  let [a, b, c, d, e, f, g, h] = words;
  for (let i = 0; i < 64; i++) {
    const s = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const one = (h + s + ((e & f) ^ (~e & g)) + ROUND[i] + schedule[i]) | 0;
    const two = (t + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (words[i] += word));
}

/** Return the SHA-256 of a typed array's bytes. */
export function sha256(array) {
  const message = pad(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  const words = START.slice();
  const schedule = new Int32Array(64);
  for (let place = 0; place < message.byteLength; place += 64) {
    mix(words, message, place, schedule);
  }
  return [...words].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
