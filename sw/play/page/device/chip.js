/** A chip behind a byte stream, with one lattice on it: the page's device without any service. */

import { InputError } from "../engine/errors.js";
import { isOpen, readGate } from "../engine/gate.js";
import { readSkeleton } from "../engine/skeleton.js";
import { Link } from "./link.js";
import { packBits } from "./service.js";
import * as wire from "./wire.js";

const { CHUNK, COMMAND, FACTS, Kind, Operation, Tag } = wire;
const FRAME = 6; // bytes of a request beside its payload: kind, sequence number, CRC

/** Return the bytes of a message: fields one after another, low bits first, little-endian. */
export function packFields(layout, values) {
  let packed = 0n;
  let place = 0n;
  for (const [name, bits] of layout) {
    packed |= BigInt(values[name] ?? 0) << place;
    place += BigInt(bits);
  }
  return Array.from({ length: Number(place / 8n) }, (_, i) => Number((packed >> BigInt(8 * i)) & 255n));
}

/** Return the fields of a message, and its length as `size`. */
export function unpackFields(layout, bytes) {
  let packed = 0n;
  const size = layout.reduce((sum, [, bits]) => sum + bits, 0) / 8;
  for (let i = size - 1; i >= 0; i--) packed = (packed << 8n) | BigInt(bytes[i] ?? 0);
  const values = { size };
  for (const [name, bits] of layout) {
    values[name] = Number(packed & ((1n << BigInt(bits)) - 1n));
    packed >>= BigInt(bits);
  }
  return values;
}

export class Chip {
  constructor(port) {
    this.name = port.name;
    this.port = port;
    this.link = new Link(port);
  }

  /** Find a skeleton on the chip; `gate` holds the bytes of its gate, or is null. */
  async begin({ skeleton, gate }) {
    this.skeleton = readSkeleton(skeleton);
    this.network = gate ? readGate(gate) : null;
    this.facts = factsFrom(await this.link.ask(Kind.IDENTIFY, [wire.VERSION, wire.VERSION], 2), this.name);
    this.place = placeOf(this.facts, this.skeleton, this.name);
    this.count = 0;
    this.fresh = false;
  }

  async load(image) {
    await this.write(Operation.LOAD_IMAGE, image, 0);
    return this.look();
  }

  async state(state, step) {
    const { channels, cells } = this.skeleton.spec;
    const stream = new Uint8Array(state.length); // channels within cells
    for (let c = 0; c < channels; c++) for (let i = 0; i < cells; i++) stream[i * channels + c] = state[c * cells + i];
    await this.write(Operation.LOAD_STATE, stream, step);
    return this.look();
  }

  async step(gated) {
    const gate = gated && this.network ? this.skeleton.spec.gate : null;
    const opens = gate && isOpen(gate, this.count + 1);
    const run = this.command(Operation.RUN, { steps: 1, ...(opens ? this.opening(gate) : {}) });
    this.count++;
    if (!opens) {
      await this.exchange(run);
    } else {
      const given = await this.exchange([...run, ...chunk(Tag.PLANES, 1)]);
      const { cells } = this.skeleton.spec;
      if (given.length !== cells + 2 || given[0] !== 0) throw new InputError(`${this.name} gave no whole plane: start over`);
      const delta = this.network.delta(new Int8Array(given.slice(1, 1 + cells).buffer));
      await this.exchange(chunk(Tag.DELTA, 1 + delta.length, [0, ...new Uint8Array(delta.buffer)]));
    }
    return this.look();
  }

  async wipe(cells) {
    await this.send(Operation.ZERO, packBits(cells));
    return this.look();
  }

  close() {
    return this.port.close();
  }

  /** The fields of the gate in a run of one step, after which it opens. */
  opening({ start, every, mapping, input_channel, output_channel }) {
    const opening = Math.floor((this.count + 1 - start) / every) % 4;
    return { active: 1, phased: mapping === "phase4" ? 1 : 0, opening, input_channel, output_channel, wait: 1, every };
  }

  /** Load the lattice; after whatever failed before, the chip is reset first. */
  async write(operation, data, step) {
    if (!this.fresh) await this.link.reset();
    this.fresh = true;
    await this.send(operation, data);
    this.count = step;
  }

  /** Hand a command and its data to the chip, in as many requests as they need. */
  async send(operation, data) {
    let head = this.command(operation);
    for (let place = 0; place < data.length; ) {
      const room = this.facts.request - FRAME - head.length - chunk(Tag.DATA, 0).length;
      const part = data.subarray(place, place + room);
      await this.exchange([...head, ...chunk(Tag.DATA, part.length, part)]);
      place += part.length;
      head = [];
    }
  }

  /** Return what the lattice holds and shows. */
  async look() {
    const { channels, cells, codes, image } = this.skeleton.spec;
    const stream = await this.fetch(Operation.READ_STATE, codes);
    const state = new Int8Array(codes);
    for (let c = 0; c < channels; c++) for (let i = 0; i < cells; i++) state[c * cells + i] = stream[i * channels + c];
    return { step: this.count, state, image: await this.fetch(Operation.READ_IMAGE, image * image) };
  }

  /** Return the bytes of a read command. */
  async fetch(operation, count) {
    const bytes = new Uint8Array(count);
    const room = this.facts.response - 4; // kind, sequence number, error, running contexts
    let head = this.command(operation);
    for (let place = 0; place < count; place += room) {
      const size = Math.min(room, count - place);
      const given = await this.exchange([...head, ...chunk(Tag.FETCH, size)]);
      if (given.length !== size) throw new InputError(`${this.name} gave ${given.length} bytes of ${size}: start over`);
      bytes.set(given, place);
      head = [];
    }
    return bytes;
  }

  command(operation, fields = {}) {
    const body = packFields(COMMAND, { operation, context: 0, skeleton: this.place, ...fields });
    return chunk(Tag.COMMAND, body.length, body);
  }

  /** Return the outputs of chunks. */
  async exchange(chunks) {
    try {
      return (await this.link.ask(Kind.EXCHANGE, chunks)).slice(0, -1);
    } catch (error) {
      this.fresh = false;
      throw error;
    }
  }
}

function chunk(tag, count, body = []) {
  return [...packFields(CHUNK, { tag, count }), ...body];
}

/** Read what a chip says of itself. */
function factsFrom(bytes, name) {
  const facts = unpackFields(FACTS, bytes);
  const { size, places, boundary } = facts;
  if (bytes.length !== size + places * wire.DIGEST_BYTES || !wire.BOUNDARIES[boundary]) {
    throw new InputError(`${name} must be a Thalweg chip: what it says of itself makes no sense`);
  }
  const hex = (part) => [...part].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  facts.boundary = wire.BOUNDARIES[boundary];
  facts.digests = Array.from({ length: places }, (_, i) => {
    const begin = size + i * wire.DIGEST_BYTES;
    return hex(bytes.subarray(begin, begin + wire.DIGEST_BYTES));
  });
  return facts;
}

/** Return where the chip holds a skeleton, or throw. */
function placeOf(facts, { spec, digest }, name) {
  for (const key of ["height", "width", "channels", "multiplier", "image", "boundary"]) {
    if (facts[key] !== spec[key]) {
      throw new InputError(`The skeleton must fit the chip on ${name}: ${key} ${facts[key]}, not ${spec[key]}`);
    }
  }
  const place = facts.digests.indexOf(digest);
  if (place >= 0) return place;
  const held = facts.digests.filter((each) => /[1-9a-f]/.test(each)).map((each) => `${each.slice(0, 12)}…`);
  throw new InputError(`The chip on ${name} must hold the skeleton ${digest.slice(0, 12)}…, it holds ${held.join(", ") || "none"}`);
}
