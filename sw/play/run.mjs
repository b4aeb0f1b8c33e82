/**
 * Runs images through the page's engine, outside a browser.
 *
 *     node run.mjs SKELETON_DIR IMAGES.npy STEPS OUT.npy
 *
 * IMAGES is uint8 (n, image, image); OUT becomes int8 (n, STEPS + 1, channels, height, width): the
 * state after every step, its delta applied. The gate.safetensors of the folder is used if it is
 * there.
 */

import { openMachine, runProgram } from "./node/files.mjs";
import { readSteps, runImages } from "./node/images.mjs";

await runProgram("node run.mjs SKELETON_DIR IMAGES.npy STEPS OUT.npy", async (folder, source, count, output) => {
  const steps = readSteps(count);
  const machine = openMachine(folder);
  await runImages(machine.spec, source, steps, output, function* (image) {
    let state = machine.rule.encode(image);
    yield state;
    for (let step = 1; step <= steps; step++) {
      ({ state } = machine.advance(state, step));
      yield state;
    }
  });
});
