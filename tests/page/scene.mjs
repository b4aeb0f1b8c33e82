/** Prints what the page makes of scenes, damage and digits: JSON in, JSON out. */

import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";

import { Referee } from "../../sw/play/page/engine/referee.js";
import { Run } from "../../sw/play/page/engine/run.js";
import { sha256 } from "../../sw/play/page/engine/sha256.js";
import { openMachine } from "../../sw/play/node/files.mjs";
import { CATALOGUE } from "../../sw/play/page/catalogue.js";
import { damaged } from "../../sw/play/page/scene/damage.js";
import { fromHash, toHash } from "../../sw/play/page/scene/scene.js";

const data = (name) => {
  const file = inflateSync(readFileSync(new URL(`../../sw/play/page/data/${name}.bin`, import.meta.url)));
  return Uint8Array.from(file).buffer;
};

const calls = {
  hash: ({ scene }) => toHash({ ...scene, source: bytesIn(scene.source) }),
  scene: ({ hash }) => {
    const scene = fromHash(hash);
    if (scene.source.drawing) scene.source.drawing = [...scene.source.drawing];
    return scene;
  },
  damaged: ({ image, damage }) => [...damaged(Uint8Array.from(image), damage)],
  sha256: ({ bytes }) => sha256(Uint8Array.from(bytes)),
  read: ({ images }) => {
    const referee = new Referee(data("referee"));
    return images.map((image) => referee.read(Uint8Array.from(image)));
  },
  catalogue: () => CATALOGUE,
  rest: ({ folder, image, lanes, steps, wipes }) => rests(openMachine(folder), image, lanes, steps, wipes),
};

function bytesIn(source) {
  return source.drawing ? { drawing: Uint8Array.from(source.drawing) } : source;
}

/** Of each step of a run: since when each lattice rests, and a digest; then of the way back. */
function rests(machine, image, lanes, steps, wipes) {
  const run = new Run(machine, lanes);
  run.load(machine.rule.encode(Uint8Array.from(image)));
  const look = () => ({ step: run.now.step, lanes: run.now.lanes.map(({ rest, moved, state }) => ({ rest, moved, sha256: sha256(state) })) });
  const there = [look()];
  for (let step = 1; step <= steps; step++) {
    run.advance();
    there.push(look());
    if (wipes.includes(step)) {
      run.wipe(new Uint8Array(machine.spec.cells).fill(1, 0, 4));
      there.push(look());
    }
  }
  const back = [];
  while (run.back()) back.push(look());
  return { there, back };
}

const asked = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(asked.map(({ call, ...values }) => calls[call](values))));
