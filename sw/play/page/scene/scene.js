/**
 * A scene: all that a run starts from, and its permalink. Dropped files are not in it.
 *
 *     {skeleton, gate, mode, source, damage}
 *
 * `source` is {digit}, {drawing} or {noise: seed}; `gate` names a gate of the catalogue; `mode` is
 * "on", "off" or "both".
 */

import { CATALOGUE } from "../catalogue.js";
import { KINDS, MOST } from "./damage.js";

export const DIGITS = 100;
export const MODES = ["on", "off", "both"];
export const SIDE = 28;
const LONGEST_DAMAGE = 20;

export function defaultScene() {
  return {
    skeleton: "digits-memory",
    gate: "gate",
    mode: "on",
    source: { digit: 23 },
    damage: [{ kind: "blank", amount: 70, seed: 23 }],
  };
}

/** Return the hash of a permalink. */
export function toHash({ skeleton, gate, mode, source, damage }) {
  const words = new URLSearchParams();
  if (skeleton) words.set("skeleton", skeleton);
  if (skeleton && gate) words.set("gate", gate);
  words.set("mode", mode);
  if ("digit" in source) words.set("digit", source.digit);
  if ("drawing" in source) words.set("drawing", pack(source.drawing));
  if ("noise" in source) words.set("noise", source.noise);
  const parts = damage.map(({ kind, amount, seed }) => `${kind}-${amount}-${seed}`);
  if (parts.length) words.set("damage", parts.join("."));
  return `#${words}`;
}

/** Return the scene of a permalink's hash; what it does not say, or says wrongly, is the default. */
export function fromHash(hash) {
  const scene = defaultScene();
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  if (![...words].length) return scene;
  const chosen = CATALOGUE.find(({ name }) => name === words.get("skeleton"));
  if (chosen) {
    scene.skeleton = chosen.name;
    const gates = chosen.gates.map(({ file }) => file);
    scene.gate = gates.includes(words.get("gate")) ? words.get("gate") : (gates[0] ?? null);
  }
  if (MODES.includes(words.get("mode"))) scene.mode = words.get("mode");
  scene.source = sourceFrom(words) ?? scene.source;
  scene.damage = (words.get("damage") ?? "").split(".").map(damageFrom).filter(Boolean).slice(0, LONGEST_DAMAGE);
  return scene;
}

function sourceFrom(words) {
  const digit = integer(words.get("digit"), DIGITS - 1);
  if (digit !== null) return { digit };
  const noise = integer(words.get("noise"), 2 ** 32 - 1);
  if (noise !== null) return { noise };
  const drawing = words.has("drawing") ? unpack(words.get("drawing")) : null;
  return drawing && { drawing };
}

function damageFrom(part) {
  const [kind, ...numbers] = part.split("-");
  if (!Object.hasOwn(KINDS, kind) || numbers.length !== 2) return null;
  const amount = integer(numbers[0], MOST[kind]);
  const seed = integer(numbers[1], 2 ** 32 - 1);
  return amount === null || seed === null ? null : { kind, amount, seed };
}

function integer(text, most) {
  const found = /^\d{1,10}$/.test(text ?? "") ? Number(text) : NaN;
  return found <= most ? found : null;
}

/** Pack a drawing, Uint8Array (SIDE * SIDE), into base64url: runs of zeros, and other pixels. */
export function pack(image) {
  const bytes = [];
  for (let place = 0; place < image.length; ) {
    let end = place;
    while (end < image.length && image[end] === 0 && end - place < 255) end++;
    if (end > place) bytes.push(0, end - place);
    else bytes.push(image[end++]);
    place = end;
  }
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Return what `pack` packed; null if that is no drawing. */
export function unpack(text) {
  let bytes;
  try {
    bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  const image = [];
  for (let place = 0; place < bytes.length && image.length <= SIDE * SIDE; place++) {
    const code = bytes.charCodeAt(place);
    if (code) image.push(code);
    else image.push(...new Array(bytes.charCodeAt(++place) || 0).fill(0));
  }
  return image.length === SIDE * SIDE ? Uint8Array.from(image) : null;
}
