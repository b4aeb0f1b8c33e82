/**
 * Runs images through a chip on a serial port, as the page does through WebSerial.
 *
 *     node board.mjs PORT BAUD SKELETON_DIR IMAGES.npy STEPS OUT.npy
 *
 * The other arguments are as in run.mjs. The port must be set to raw bytes at that rate.
 */

import { readFiles, runProgram } from "./node/files.mjs";
import { readSteps, runImages } from "./node/images.mjs";
import { openPort } from "./node/port.mjs";
import { InputError } from "./page/engine/errors.js";
import { readSkeleton } from "./page/engine/skeleton.js";
import { Chip } from "./page/device/chip.js";

const USAGE = "node board.mjs PORT BAUD SKELETON_DIR IMAGES.npy STEPS OUT.npy";

await runProgram(USAGE, async (path, baud, folder, source, count, output) => {
  const steps = readSteps(count);
  if (!(Number(baud) > 0)) throw new InputError(`BAUD must be a number, not ${baud}`);
  const files = readFiles(folder);
  const chip = new Chip(openPort(path, Number(baud)));
  await chip.begin(files);
  await runImages(readSkeleton(files.skeleton).spec, source, steps, output, async function* (image) {
    yield (await chip.load(image)).state;
    for (let step = 1; step <= steps; step++) yield (await chip.step(true)).state;
  });
  console.log(`requests sent again: ${chip.link.repeats}`);
  process.exit(0); // the port still reads
});
