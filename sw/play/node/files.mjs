/** What programs on node share: a skeleton's folder, files that are whole, errors of one line. */

import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { InputError } from "../page/engine/errors.js";
import { readGate } from "../page/engine/gate.js";
import { Machine } from "../page/engine/machine.js";
import { readSkeleton } from "../page/engine/skeleton.js";

/** Return the machine of a folder: its skeleton.json, and its gate.safetensors if it is there. */
export function openMachine(folder) {
  const skeleton = readSkeleton(readFileSync(join(folder, "skeleton.json"), "utf8"));
  const gate = join(folder, "gate.safetensors");
  const network = existsSync(gate) ? readGate(bufferOf(readFileSync(gate))) : null;
  return new Machine(skeleton, network);
}

function bufferOf(file) {
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
}

/** Call `write` with a temporary path, then rename it to `path`: nothing half-written stays. */
export function replace(path, write) {
  const temporary = `${path}.${process.pid}.part`;
  try {
    write(temporary);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Run a program: what goes wrong with its input is one line and exit code 2. */
export async function runProgram(main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof InputError) && !error.code) throw error;
    console.error(error.message);
    process.exit(2);
  }
}
