/** What programs on node share: a skeleton's folder, files that are whole, errors of one line. */

import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { InputError } from "../page/engine/errors.js";
import { readGate } from "../page/engine/gate.js";
import { compileKernel } from "../page/engine/kernel.js";
import { Machine } from "../page/engine/machine.js";
import { readSkeleton } from "../page/engine/skeleton.js";

/** Return `{skeleton, gate}` of a folder: the text of the first, the bytes of the second or null. */
export function readFiles(folder) {
  const gate = join(folder, "gate.safetensors");
  return {
    skeleton: readFileSync(join(folder, "skeleton.json"), "utf8"),
    gate: existsSync(gate) ? Uint8Array.from(readFileSync(gate)).buffer : null,
  };
}

const KERNEL = new URL("../page/data/kernel.wasm", import.meta.url);

/** Return the machine of a folder; it computes in plain JavaScript if THALWEG_PLAIN is set. */
export function openMachine(folder, plain = Boolean(process.env.THALWEG_PLAIN)) {
  const { skeleton, gate } = readFiles(folder);
  const kernel = plain ? null : compileKernel(readFileSync(KERNEL));
  return new Machine(readSkeleton(skeleton), gate && readGate(gate), kernel);
}

/** Call `write` with a temporary path, then rename it to `path`: nothing half-written stays. */
export async function replace(path, write) {
  const temporary = `${path}.${process.pid}.part`;
  try {
    await write(temporary);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Run a program on its words; what goes wrong with its input is one line and exit code 2. */
export async function runProgram(usage, main) {
  const words = process.argv.slice(2);
  try {
    if (words.length !== main.length) throw new InputError(`usage: ${usage}`);
    await main(...words);
  } catch (error) {
    if (!(error instanceof InputError) && !error.code) throw error;
    console.error(error.message);
    process.exit(2);
  }
}
