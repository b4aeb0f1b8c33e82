/** A byte stream to a board and back. */

const SILENCE = 2000; // milliseconds without a byte after which nothing is waited for
const BITS_A_BYTE = 10;

export class BytePort {
  /** `send` writes bytes and may return a promise; bytes that come are given to `push`. */
  constructor(name, baud, send) {
    this.name = name;
    this.send = send;
    this.milliseconds = (1000 * BITS_A_BYTE) / baud;
    this.parts = [];
    this.wake = () => {};
    this.gone = null; // why the port is of no use any more
    this.travel = 0; // milliseconds that what was written needs to get there
  }

  push(bytes) {
    this.parts.push(...bytes);
    this.wake();
  }

  fail(error) {
    this.gone = error;
    this.wake();
  }

  async write(bytes) {
    if (this.gone) throw this.gone;
    await this.send(bytes);
    this.travel = bytes.length * this.milliseconds;
  }

  /** Wait for bytes; none if none came in time. */
  async read() {
    if (!this.parts.length && !this.gone) {
      let timer;
      await new Promise((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, SILENCE + this.travel);
      });
      clearTimeout(timer);
    }
    if (!this.parts.length && this.gone) throw this.gone;
    const parts = this.parts;
    this.parts = [];
    this.travel = 0;
    return parts;
  }
}
