/**
 * The host's end of the link: each request is answered once, whatever happens to the bytes
 * (docs/protocol.md). One request is under way at a time.
 */

import { InputError } from "../engine/errors.js";
import { frame, parse } from "./frames.js";
import { Error as Fault, Kind, REPLY, RESPONSE, VERSION } from "./wire.js";

const ATTEMPTS = 5;
const BABBLE = 4 * RESPONSE; // bytes without an answer among them after which an attempt is given up

const WORDS = {
  [Fault.NOT_READY]: "the chip was reset meanwhile and holds nothing: start over",
  [Fault.STALLED]: "the chip waits for something that does not come: start over",
  [Fault.SKELETON_DAMAGED]: "the chip found this skeleton damaged: load its bitstream again",
};

export class Link {
  constructor(port) {
    this.port = port;
    this.clean = false; // whether the last request has been answered
    this.sequence = Math.floor(Math.random() * 256);
    this.heard = [];
    this.repeats = 0;
  }

  /** Return the response's payload behind its first byte; throw if that tells of an error. */
  async ask(kind, payload = [], attempts = ATTEMPTS) {
    this.sequence = (this.sequence + 1) % 256;
    const bytes = frame(kind, this.sequence, payload);
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (attempt) this.repeats++;
      await this.port.write(this.clean ? bytes : Uint8Array.from([0, ...bytes]));
      this.clean = false;
      const answer = await this.hear(kind | REPLY);
      if (answer) {
        this.clean = true;
        return this.payloadOf(answer);
      }
    }
    throw new InputError(`${this.port.name} gives no answer: is it a Thalweg board, on, and at this rate?`);
  }

  /** Wait for the response to the last request, past all that is none; null if it does not come. */
  async hear(kind) {
    for (let budget = BABBLE; budget > 0; ) {
      const bytes = await this.port.read();
      if (!bytes.length) return null;
      budget -= bytes.length;
      let answer = null;
      for (const byte of bytes) {
        if (byte) {
          this.heard.push(byte);
          continue;
        }
        const message = this.heard.length ? parse(this.heard) : null;
        this.heard = [];
        if (message?.kind === kind && message.sequence === this.sequence) answer = message.payload;
      }
      if (answer) return answer;
      this.heard = this.heard.slice(-BABBLE);
    }
    return null;
  }

  payloadOf(payload) {
    const [fault, detail] = payload;
    if (fault === Fault.NONE) return payload.subarray(1);
    if (fault === Fault.VERSION) {
      throw new InputError(`${this.port.name}: the chip speaks version ${detail} of the protocol, this page ${VERSION}`);
    }
    const name = Object.keys(Fault).find((key) => Fault[key] === fault) ?? `error ${fault}`;
    const text = WORDS[fault] ?? `the chip refused a request: ${name.toLowerCase().replaceAll("_", " ")} (${detail})`;
    throw new InputError(`${this.port.name}: ${text}`);
  }

  reset() {
    return this.ask(Kind.RESET);
  }
}
