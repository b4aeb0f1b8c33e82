/** Reads a safetensors file: 8 bytes of length, a JSON header, then the tensors' bytes. */

import { InputError } from "./errors.js";

const TYPES = { I8: Int8Array, U8: Uint8Array, I32: Int32Array };
const LONGEST = 1 << 20; // bytes of a header

/**
 * Return `{metadata, tensors: {name: {dtype, shape, data}}}`. `data` is null where the type is
 * none that a gate has.
 */
export function readSafetensors(buffer) {
  const { header, begin } = readHeader(buffer);
  const tensors = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name !== "__metadata__") tensors[name] = tensorFrom(buffer, begin, name, entry);
  }
  return { metadata: header.__metadata__ ?? {}, tensors };
}

function readHeader(buffer) {
  const view = new DataView(buffer);
  const length = buffer.byteLength < 8 ? NaN : Number(view.getBigUint64(0, true));
  if (!(length <= Math.min(LONGEST, buffer.byteLength - 8))) throw notWhole("its header is not whole");
  try {
    const header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, 8, length)));
    if (typeof header === "object" && header !== null) return { header, begin: 8 + length };
  } catch {
    // said below
  }
  throw notWhole("its header is no JSON object");
}

function tensorFrom(buffer, begin, name, entry) {
  const { dtype, shape, data_offsets: offsets } = entry ?? {};
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) throw notWhole(`${name} has no place`);
  const [start, end] = offsets;
  const type = TYPES[dtype];
  if (end < start || begin + end > buffer.byteLength) throw notWhole(`${name} lies outside the file`);
  if (type === undefined) return { dtype, shape, data: null };
  const count = shape.reduce((product, size) => product * size, 1);
  if (end - start !== count * type.BYTES_PER_ELEMENT) throw notWhole(`${name} is not as long as its shape`);
  // A copy, since a tensor may lie at an address that is no multiple of its type's size.
  return { dtype, shape, data: new type(buffer.slice(begin + start, begin + end)) };
}

function isSizes(list) {
  return Array.isArray(list) && list.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function notWhole(reason) {
  return new InputError(`A gate must be a readable safetensors file: ${reason}`);
}
