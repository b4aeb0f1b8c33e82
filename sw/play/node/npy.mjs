/** Arrays of numpy in .npy files: bytes of one type, C order. */

import { InputError } from "../page/engine/errors.js";

const MAGIC = "\x93NUMPY";

/** Return `{shape, data}` of a file's bytes; its type must be `|u1`, in C order. */
export function parseBytes(file, name) {
  if (file.length < 12 || file.toString("latin1", 0, 6) !== MAGIC) throw new InputError(`${name} must be an .npy file`);
  const wide = file[6] > 1;
  const begin = wide ? 12 : 10;
  const end = begin + (wide ? file.readUInt32LE(8) : file.readUInt16LE(8));
  const header = file.toString("latin1", begin, end);
  const found = /'descr': '(.*?)', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\)/.exec(header);
  if (!found) throw new InputError(`${name} must have a header of numpy's`);
  const [, type, fortran, sizes] = found;
  const shape = sizes.split(",").filter((size) => size.trim()).map(Number);
  if (type !== "|u1" || (fortran === "True" && shape.length > 1)) {
    throw new InputError(`${name} must be uint8 in C order, not ${type}`);
  }
  const data = new Uint8Array(file.buffer, file.byteOffset + end, file.length - end);
  if (data.length !== shape.reduce((product, size) => product * size, 1)) {
    throw new InputError(`${name} must be as long as its shape (${shape.join(", ")})`);
  }
  return { shape, data };
}

/** Return the head of a file of int8 in C order. */
export function headerOf(shape) {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '|i1', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = Buffer.alloc(10 + length, " ");
  header.write(MAGIC, 0, "latin1");
  header.writeUInt16LE(0x0001, 6);
  header.writeUInt16LE(length, 8);
  header.write(text, 10, "latin1");
  header.write("\n", 10 + length - 1, "latin1");
  return header;
}
