/** The device behind the local service of `thalweg play`: `sw/play/service.py`. */

import { InputError } from "../engine/errors.js";

const OCTETS = { "Content-Type": "application/octet-stream" };

/** The device that serves this page, or null: the service writes its name into the page. */
export function servedDevice() {
  const name = document.querySelector('meta[name="thalweg-device"]').content;
  return name ? new Service(name) : null;
}

export class Service {
  constructor(name) {
    this.name = name;
  }

  /** Begin a session with a skeleton's text and the bytes of its gate, or null. */
  async begin({ skeleton, gate, spec }) {
    this.spec = spec;
    const text = new TextEncoder().encode(skeleton);
    const size = Uint32Array.of(text.length); // little-endian on all that browsers run on
    const answer = await post("device", new Blob([size, text, ...(gate ? [gate] : [])]));
    this.session = (await answer.json()).session;
  }

  load(image) {
    return this.call("load", image);
  }

  state(state, step) {
    return this.call(`state?step=${step}`, state);
  }

  step(gated) {
    return this.call(`step?gated=${gated ? 1 : 0}`);
  }

  wipe(cells) {
    return this.call("wipe", packBits(cells));
  }

  async close() {}

  async call(name, body) {
    const answer = await post(`device/${this.session}/${name}`, body);
    const bytes = await answer.arrayBuffer();
    const { codes } = this.spec;
    return {
      step: new DataView(bytes).getUint32(0, true),
      state: new Int8Array(bytes, 4, codes),
      image: new Uint8Array(bytes, 4 + codes),
    };
  }
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", body, headers: OCTETS });
  } catch {
    throw new InputError("thalweg play does not answer: is it still running?");
  }
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  throw new InputError(error ?? `The service says ${answer.status}`);
}

/** Pack marks, a byte each, into bits, low bit first. */
export function packBits(marks) {
  const bits = new Uint8Array(Math.ceil(marks.length / 8));
  marks.forEach((mark, place) => (bits[place >> 3] |= (mark ? 1 : 0) << (place & 7)));
  return bits;
}
