/** The page: what a person does becomes a scene, the player plays it, the views show it. */

import { CATALOGUE } from "./catalogue.js";
import { servedDevice } from "./device/service.js";
import { fetchBytes, fetchPacked } from "./fetch.js";
import { shippedFiles, sortFiles } from "./files.js";
import { Player } from "./player.js";
import { damaged } from "./scene/damage.js";
import { readPicture, resize } from "./scene/picture.js";
import { DIGITS, SIDE, defaultScene, fromHash, toHash } from "./scene/scene.js";
import { Simulation } from "./simulation.js";
import { connectBoards } from "./view/boards.js";
import { Curve } from "./view/curve.js";
import { LatticeView } from "./view/lattice.js";
import { Numbers } from "./view/numbers.js";
import { Pad } from "./view/pad.js";
import { paint } from "./view/palette.js";

const find = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const simulation = new Simulation();
const curve = new Curve(find("curve"));
const numbers = new Numbers(find);
const player = new Player(simulation, { show, complain });
const pad = new Pad(find("pad"), drawn);
const lattice = new LatticeView([find("lattice"), find("other")], {
  channels: find("channels"),
  scale: find("scale"),
  wipe: (cells) => player.wipe(cells),
});

let scene = defaultScene();
let own = null; // files from the disk, in place of the scene's
let digits = null; // show digits, SIDE * SIDE bytes each
let fresh = null; // the snapshot to draw in the next frame

/** For tests: the player, and how many frames were drawn. */
export const page = { player, simulation, drawn: 0 };

/** Draw a snapshot in the next frame. */
function show(snapshot) {
  if (!fresh) requestAnimationFrame(drawFrame);
  fresh = snapshot;
}

function drawFrame() {
  const snapshot = fresh;
  fresh = null;
  const { spec } = player.files;
  lattice.draw(snapshot);
  curve.add(snapshot, spec, player.lanes[0]);
  numbers.show(snapshot, player, readsDigits());
  find("back").disabled = !snapshot.canGoBack;
  page.drawn++;
}

/** Whether what is restored are digits, which is all that the referee knows. */
function readsDigits() {
  return own !== null || !scene.gate?.includes("letters") || "digit" in scene.source;
}

/** Say what went wrong, in one line; null takes it away. */
function complain(line) {
  find("notice").hidden = line === null;
  find("notice").textContent = line ?? "";
  press(player.running);
}

/** Do what may go wrong with what the user gave. */
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    complain(error.message);
  }
}

/** Fetch, or take, the scene's skeleton and gate, then begin its run. */
async function open() {
  complain(null);
  await attempt(async () => {
    const files = own ?? (await shippedFiles(scene.skeleton, scene.gate, loading));
    loading(1);
    await player.open(files, (found) => {
      numbers.open(found);
      lattice.open(found.spec, look);
      const gated = files.gate !== null;
      find("mode").disabled = !gated;
      find("key-ticks").hidden = !gated;
      if (!gated) scene.mode = "off";
    });
    reflect();
    await load();
  });
}

/** Show how much of a gate has come. */
function loading(share) {
  find("loading").hidden = share >= 1;
  find("loading-text").textContent = `fetching the gate: ${Math.floor(100 * share)} %`;
  find("loaded").value = share;
}

/** Begin the scene's run. */
function load() {
  history.replaceState(null, "", own ? "#" : toHash(scene));
  curve.clear();
  const lanes = { on: [true], off: [false], both: [true, false] }[scene.mode];
  find("second").hidden = lanes.length === 1;
  find("key-second").hidden = lanes.length === 1;
  find("lane-0").textContent = lanes.length > 1 ? "with the gate: drag across it to wipe cells" : "drag across it to wipe cells, in mid-run too";
  const palette = lattice.palette;
  const hurt = damaged(pad.image, scene.damage);
  paint(find("pad"), pad.image, SIDE, palette);
  paint(find("hurt"), hurt, SIDE, palette);
  find("undo").disabled = !scene.damage.length;
  if (!player.files) return Promise.resolve();
  if ("noise" in scene.source) return player.noise(scene.source.noise, lanes);
  return player.load(resize(hurt, player.files.spec.image), lanes);
}

/** Take a scene's drawing or digit onto the pad, and show its choices. */
function reflect() {
  const { source } = scene;
  if ("digit" in source && digits) pad.image = digits.slice(source.digit * SIDE ** 2, (source.digit + 1) * SIDE ** 2);
  if ("drawing" in source) pad.image = source.drawing;
  for (const input of document.querySelectorAll('[name="digit"]')) input.checked = Number(input.value) === source.digit;
  for (const input of document.querySelectorAll('[name="mode"]')) input.checked = input.value === scene.mode;
  fillSelects();
}

function fillSelects() {
  const option = (value, title, chosen) => new Option(title, value, chosen, chosen);
  const skeletons = CATALOGUE.map(({ name, title }) => option(name, title, name === scene.skeleton && !own));
  if (own) skeletons.push(option("", "your own file", true));
  find("skeleton").replaceChildren(...skeletons);
  const gates = own ? [] : CATALOGUE.find(({ name }) => name === scene.skeleton).gates;
  const options = gates.map(({ file, title }) => option(file, title, file === scene.gate));
  find("gate").replaceChildren(...(options.length ? options : [option("", own?.gate ? "your own file" : "none", true)]));
  find("gate").disabled = options.length < 2;
}

/** A part of a stroke on the pad. */
function drawn(image, ended) {
  player.pause();
  press(false);
  scene.source = { drawing: image };
  if (ended) for (const input of document.querySelectorAll('[name="digit"]')) input.checked = false;
  load();
}

/** Show whether the run runs. */
function press(running) {
  find("run").textContent = running ? "Pause" : "Run";
  find("run").setAttribute("aria-pressed", String(running));
}

function run(running) {
  if (running) player.run();
  else player.pause();
  press(running);
}

/** Begin anew, and let it run unless the user wants calm. */
async function restart() {
  await load();
  if (!calm.matches) run(true);
}

function damage(kind) {
  const seed = Math.min(2 ** 32 - 1, Math.max(0, Math.floor(Number(find("seed").value)) || 0));
  scene.damage.push({ kind, amount: Number(find(kind).value), seed });
  find("seed").value = (seed + 1) % 2 ** 32; // the next damage is another
  if ("noise" in scene.source) scene.source = { drawing: pad.image };
  restart();
}

function look(view) {
  lattice.view = view;
  find("scale-low").textContent = view === "shown" ? "0" : "−128";
  find("scale-high").textContent = view === "shown" ? "255" : "127";
  if (player.snapshot) show(player.snapshot);
}

/** Take files from the disk: a skeleton, a gate, a picture. */
function take(list) {
  return attempt(async () => {
    const { skeleton, gate, picture } = await sortFiles(list);
    if (picture) {
      const drawing = await readPicture(picture);
      scene.source = { drawing };
    }
    if (skeleton !== null || gate !== null) await takeFiles(skeleton, gate);
    reflect();
    await restart();
  });
}

/** Run a skeleton or a gate from the disk; where it is none, all stays as it was. */
async function takeFiles(skeleton, gate) {
  const before = player.files;
  const files = { skeleton: skeleton ?? before.skeleton, gate };
  await simulation.call("open", files);
  own = files;
  scene.mode = gate ? "on" : "off";
  await open();
}

function choose(skeleton, gate) {
  own = null;
  scene.skeleton = skeleton;
  const gates = CATALOGUE.find(({ name }) => name === skeleton).gates.map(({ file }) => file);
  if (scene.gate === null && gates.length) scene.mode = "on";
  scene.gate = gates.includes(gate) ? gate : (gates[0] ?? null);
  return open();
}

function fillShelf() {
  const labels = Array.from({ length: DIGITS }, (_, i) => {
    const label = document.createElement("label");
    label.className = "digit";
    label.innerHTML = `<input type="radio" name="digit" value="${i}" aria-label="digit ${i}, a ${i % 10}"><canvas></canvas>`;
    paint(label.lastChild, digits.subarray(i * SIDE ** 2, (i + 1) * SIDE ** 2), SIDE, lattice.palette);
    return label;
  });
  find("digits").replaceChildren(...labels);
}

function on(id, name, work) {
  find(id).addEventListener(name, work);
}

function listen() {
  on("digits", "change", ({ target }) => {
    scene.source = { digit: Number(target.value) };
    reflect();
    restart();
  });
  on("tool", "change", ({ target }) => (pad.rubs = target.value === "rub"));
  on("clear", "click", () => {
    run(false);
    scene.source = { drawing: new Uint8Array(SIDE * SIDE) };
    scene.damage = [];
    reflect();
    load();
  });
  for (const id of ["picture", "file"]) {
    on(id, "change", async ({ target }) => {
      await take([...target.files]);
      target.value = "";
    });
  }
  for (const button of document.querySelectorAll("[data-damage]")) {
    const { damage: kind } = button.dataset;
    button.addEventListener("click", () => damage(kind));
    on(kind, "input", ({ target }) => (find(`${kind}-shown`).textContent = target.value + (kind === "blank" ? " %" : "")));
  }
  on("undo", "click", () => {
    scene.damage = [];
    load();
  });
  on("start-noise", "click", () => {
    scene.source = { noise: Number(find("seed").value) || 0 };
    find("seed").value = scene.source.noise + 1;
    reflect();
    restart();
  });
  on("restart", "click", load);
  on("back", "click", () => {
    run(false);
    player.back();
  });
  on("run", "click", () => run(!player.running));
  on("once", "click", () => {
    run(false);
    player.step();
  });
  on("rate", "input", ({ target }) => {
    player.rate = Number(target.value);
    find("rate-shown").textContent = target.value;
  });
  for (const input of document.querySelectorAll('[name="view"]')) input.addEventListener("change", () => look(input.value));
  on("skeleton", "change", ({ target }) => target.value && choose(target.value, scene.gate));
  on("gate", "change", ({ target }) => choose(scene.skeleton, target.value));
  on("mode", "change", ({ target }) => changeMode(target.value));
  on("link", "click", () => attempt(async () => {
    await navigator.clipboard.writeText(location.href);
    find("link").textContent = "Copied";
    setTimeout(() => (find("link").textContent = "Copy link"), 1500);
  }));
  on("measure", "click", async () => {
    run(false);
    const { rule, run: whole } = await simulation.call("speed");
    find("speed").textContent = `${rule} steps a second, with the gate ${whole}`;
  });
  on("to-chip", "click", () => find("chip-title").focus());
  addEventListener("hashchange", () => {
    own = null;
    scene = fromHash(location.hash);
    open();
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
}

/** Turn the gate on or off in mid-run; side by side is a run of its own. */
function changeMode(mode) {
  const single = mode !== "both" && scene.mode !== "both";
  scene.mode = mode;
  if (!single) return load();
  history.replaceState(null, "", own ? "#" : toHash(scene));
  return player.gate(mode === "on");
}

async function begin() {
  scene = fromHash(location.hash);
  listen();
  connectBoards(find, player, complain);
  await attempt(async () => {
    const [shelf, weights, kernel] = await Promise.all([
      fetchPacked("data/digits.bin"),
      fetchPacked("data/referee.bin"),
      fetchBytes("data/kernel.wasm"),
    ]);
    digits = new Uint8Array(shelf);
    fillShelf();
    reflect();
    load();
    await simulation.call("equip", { weights, kernel });
    await player.follow(servedDevice());
  });
  await open();
  if (!calm.matches) run(true);
}

begin();
