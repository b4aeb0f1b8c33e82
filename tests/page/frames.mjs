/** Prints what the page makes of frames: `node frames.mjs` reads a JSON list on its input. */

import { readFileSync } from "node:fs";

import { cobsDecode, cobsEncode, crc32, frame, parse } from "../../sw/play/page/device/frames.js";

const cases = JSON.parse(readFileSync(0, "utf8"));
const answers = cases.map(({ payload, coded }) => {
  if (coded) return { decoded: cobsDecode(coded), message: parse(coded) && [...parse(coded).payload] };
  return { crc: crc32(payload), coded: cobsEncode(payload), frame: [...frame(1, 255, payload)] };
});
console.log(JSON.stringify(answers));
