/**
 * Has the page's chip go through all its calls, and prints the states: each as hex.
 *
 *     node follow.mjs PORT SKELETON_DIR
 *
 * An image, two steps, a wipe of the first three cells, two steps without the gate, then the last
 * state anew as that after step 9, and a step.
 */

import { readFiles } from "../../sw/play/node/files.mjs";
import { openPort } from "../../sw/play/node/port.mjs";
import { Chip } from "../../sw/play/page/device/chip.js";

const [path, folder] = process.argv.slice(2);
const chip = new Chip(openPort(path, 3_000_000));
const told = [];
const note = ({ step, state, image }) => {
  told.push({ step, state: Buffer.from(state).toString("hex"), image: Buffer.from(image).toString("hex") });
  return state;
};
try {
  await chip.begin(readFiles(folder));
  const { image, cells } = chip.skeleton.spec;
  note(await chip.load(Uint8Array.from({ length: image * image }, (_, i) => (37 * i) % 256)));
  for (let i = 0; i < 2; i++) note(await chip.step(true));
  const marks = new Uint8Array(cells).fill(1, 0, 3);
  note(await chip.wipe(marks));
  for (let i = 0; i < 2; i++) note(await chip.step(false));
  const state = note(await chip.step(true));
  note(await chip.state(state, 9));
  note(await chip.step(true));
  console.log(JSON.stringify({ told, repeats: chip.link.repeats }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
}
process.exit(0);
