/**
 * Frames of the wire protocol (docs/protocol.md): kind, sequence number, payload and CRC-32, without
 * the byte 0, which ends a frame.
 */

const CHECK = 4;
const HEADER = 2;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/** The CRC-32 of IEEE 802.3. */
export function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Encode bytes without the byte 0: each run of others behind its length and 1. */
export function cobsEncode(data) {
  const coded = [];
  let run = [];
  const end = () => {
    coded.push(run.length + 1, ...run);
    run = [];
  };
  for (const byte of data) {
    if (byte === 0) end();
    else if (run.push(byte) === 254) end();
  }
  end();
  return coded;
}

/** Return the data that `cobsEncode` encoded; null if it is no valid code. */
export function cobsDecode(coded) {
  const data = [];
  for (let place = 0; place < coded.length; ) {
    const code = coded[place];
    const run = coded.slice(place + 1, place + code);
    if (code === 0 || run.length !== code - 1 || run.includes(0)) return null;
    data.push(...run);
    place += code;
    if (code < 255 && place < coded.length) data.push(0);
  }
  return data;
}

/** Return the bytes of a frame, its delimiter included. */
export function frame(kind, sequence, payload) {
  const body = [kind, sequence, ...payload];
  const crc = crc32(body);
  const check = [0, 8, 16, 24].map((shift) => (crc >>> shift) & 255);
  return Uint8Array.from([...cobsEncode([...body, ...check]), 0]);
}

/** Return `{kind, sequence, payload}` of the bytes before a delimiter; null if they are not whole. */
export function parse(coded) {
  const data = cobsDecode(coded);
  if (data === null || data.length < HEADER + CHECK) return null;
  const body = data.slice(0, -CHECK);
  const found = data.slice(-CHECK).reduceRight((crc, byte) => ((crc << 8) | byte) >>> 0, 0);
  if (crc32(body) !== found) return null;
  return { kind: body[0], sequence: body[1], payload: Uint8Array.from(body.slice(HEADER)) };
}
