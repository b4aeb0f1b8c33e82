/**
 * numpy's `default_rng(seed)`: SeedSequence, PCG64, and what is drawn from them. So the page blanks
 * the very pixels that `thalweg restore` does (`sw/data/damage.py`).
 */

const MASK = (1n << 128n) - 1n;
const STEP = 0x2360ed051fc65da44385df649fccf645n;

/** Mix a seed below 2**32 into eight words, as SeedSequence does. */
function seedWords(seed) {
  let constant = 0x43b0d7e5;
  const hash = (value) => {
    let mixed = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    mixed = Math.imul(mixed, constant);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const mix = (x, y) => {
    const mixed = (Math.imul(x, 0xca01f9dd) - Math.imul(y, 0x4973f715)) | 0;
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const pool = [seed, 0, 0, 0].map(hash);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  }
  constant = 0x8b51f9dd;
  return Array.from({ length: 8 }, (_, i) => {
    let word = pool[i % 4] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    word = Math.imul(word, constant);
    return BigInt((word ^ (word >>> 16)) >>> 0);
  });
}

export class Random {
  /** `seed` is an integer from 0 to 2**32 - 1. */
  constructor(seed) {
    const words = seedWords(seed >>> 0);
    const pair = (i) => words[i] | (words[i + 1] << 32n);
    const start = (pair(0) << 64n) | pair(2);
    this.increment = ((((pair(4) << 64n) | pair(6)) << 1n) | 1n) & MASK;
    this.state = ((this.increment + start) * STEP + this.increment) & MASK;
    this.kept = null; // the upper half of a draw of 64 bits
  }

  /** Return an integer of 64 bits. */
  next() {
    this.state = (this.state * STEP + this.increment) & MASK;
    const folded = BigInt.asUintN(64, (this.state >> 64n) ^ this.state);
    const turn = this.state >> 122n;
    return BigInt.asUintN(64, (folded >> turn) | (folded << (-turn & 63n)));
  }

  /** Return an integer of 32 bits: the lower half of a draw, then its upper half. */
  next32() {
    if (this.kept !== null) {
      const kept = this.kept;
      this.kept = null;
      return kept;
    }
    const drawn = this.next();
    this.kept = Number(drawn >> 32n);
    return Number(drawn & 0xffffffffn);
  }

  /** Return an integer from 0 to `most`, each as likely: draws beyond it are passed over. */
  upTo(most) {
    const mask = 2 ** Math.ceil(Math.log2(most + 1)) - 1;
    for (;;) {
      const drawn = (this.next32() & mask) >>> 0;
      if (drawn <= most) return drawn;
    }
  }

  /** Return a number from 0 to less than 1. */
  number() {
    return Number(this.next() >> 11n) / 2 ** 53;
  }

  /** Return a number around 0 with a standard deviation of 1; not numpy's. */
  normal() {
    const radius = Math.sqrt(-2 * Math.log(1 - this.number()));
    return radius * Math.cos(2 * Math.PI * this.number());
  }

  /** Return the integers from 0 to `count` - 1 in random order. */
  permutation(count) {
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.upTo(i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
