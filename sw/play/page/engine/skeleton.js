/**
 * Skeletons: the spec and the integers of a rule, read from a skeleton.json and checked as golden
 * checks them (`golden/spec.py`, `golden/skeleton.py`).
 */

import { InputError } from "./errors.js";
import { sha256 } from "./sha256.js";

export const LAYERS = ["encode", "perceive", "update", "readout"];
export const PARTS = ["weight", "bias", "shift"];

const SPEC = ["height", "width", "channels", "multiplier", "steps", "boundary", "image", "gate"];
const GATE = ["input_channel", "output_channel", "start", "every", "mapping"];
const WEIGHT = [-128, 127];
const MOST_STEPS = (1 << 16) - 1;

/** Read the text of a skeleton.json. */
export function readSkeleton(text) {
  let values;
  try {
    values = JSON.parse(text);
  } catch (error) {
    throw new InputError(`A skeleton must be JSON: ${error.message}`);
  }
  return skeletonFrom(values);
}

/** Return a skeleton, `{spec, encode, perceive, update, readout, digest}`, from JSON's values. */
export function skeletonFrom(values) {
  requireKeys(values, ["format", "version", "spec", ...LAYERS], "skeleton");
  requireChoice(values.format, "format", ["thalweg-skeleton"]);
  requireChoice(values.version, "version", [1]);
  const spec = specFrom(values.spec);
  const shapes = shapesOf(spec);
  const skeleton = { spec };
  for (const layer of LAYERS) {
    requireKeys(values[layer], PARTS, layer);
    skeleton[layer] = {};
    for (const part of PARTS) {
      const range = rangeOf(layer, part);
      skeleton[layer][part] = codesFrom(values[layer][part], `${layer}.${part}`, shapes[layer][part], range);
    }
  }
  skeleton.digest = digestOf(skeleton);
  return skeleton;
}

function specFrom(values) {
  requireKeys(values, SPEC, "spec");
  const spec = { ...values };
  requireInteger(spec.height, "spec.height", 4, 256);
  requireInteger(spec.width, "spec.width", 4, 256);
  requireInteger(spec.channels, "spec.channels", 1, 16);
  requireInteger(spec.multiplier, "spec.multiplier", 1, 8);
  requireInteger(spec.steps, "spec.steps", 1, MOST_STEPS);
  requireChoice(spec.boundary, "spec.boundary", ["zero", "wrap"]);
  requireInteger(spec.image, "spec.image", 1, Math.min(spec.height, spec.width));
  for (const name of ["height", "width"]) {
    if (spec[name] % 2) throw new InputError(`spec.${name} must be even, not ${spec[name]}`);
    if ((spec[name] - spec.image) % 2) {
      throw new InputError(`spec.image must leave an even margin in spec.${name}, not ${spec.image}`);
    }
  }
  if (spec.gate !== null) spec.gate = gateFrom(spec.gate, spec.channels);
  return {
    ...spec,
    cells: spec.height * spec.width,
    codes: spec.channels * spec.height * spec.width,
    filters: spec.channels * spec.multiplier,
    top: (spec.height - spec.image) / 2,
    left: (spec.width - spec.image) / 2,
  };
}

function gateFrom(values, channels) {
  requireKeys(values, GATE, "spec.gate");
  requireInteger(values.input_channel, "gate.input_channel", 0, channels - 1);
  requireInteger(values.output_channel, "gate.output_channel", 0, channels - 1);
  requireInteger(values.start, "gate.start", 1, MOST_STEPS);
  requireInteger(values.every, "gate.every", 1, MOST_STEPS);
  requireChoice(values.mapping, "gate.mapping", ["nearest2", "phase4"]);
  return { ...values };
}

function shapesOf({ channels, filters }) {
  return {
    encode: { weight: [channels], bias: [channels], shift: [channels] },
    perceive: { weight: [filters, 3, 3], bias: [filters], shift: [filters] },
    update: { weight: [channels, filters], bias: [channels], shift: [channels] },
    readout: { weight: [channels], bias: [], shift: [] },
  };
}

function rangeOf(layer, part) {
  if (part === "weight") return WEIGHT;
  const bits = layer === "update" ? 24 : 20;
  if (part === "bias") return [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  return [0, layer === "update" ? 23 : 15];
}

/** Flatten nested lists of integers into an Int32Array; an error names its place. */
function codesFrom(values, place, shape, [low, high]) {
  const codes = [];
  const walk = (value, where, sizes) => {
    if (!sizes.length) {
      requireInteger(value, where, low, high);
      codes.push(value);
      return;
    }
    if (!Array.isArray(value) || value.length !== sizes[0]) {
      const found = Array.isArray(value) ? `a list of ${value.length}` : show(value);
      throw new InputError(`${where} must be a list of ${sizes[0]}, not ${found}`);
    }
    value.forEach((item, index) => walk(item, `${where}[${index}]`, sizes.slice(1)));
  };
  walk(values, place, shape);
  return Int32Array.from(codes);
}

/** SHA-256 over the rule's numbers as little-endian int32, in the order of the file. */
function digestOf(skeleton) {
  const numbers = LAYERS.flatMap((layer) => PARTS.flatMap((part) => [...skeleton[layer][part]]));
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, index) => view.setInt32(4 * index, number, true));
  return sha256(view);
}

function requireKeys(values, names, place) {
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    throw new InputError(`${place} must be an object with the keys ${names.join(", ")}`);
  }
  for (const name of names) {
    if (!Object.hasOwn(values, name)) throw new InputError(`${place} must have the key '${name}'`);
  }
  for (const name of Object.keys(values)) {
    if (!names.includes(name)) throw new InputError(`${place} must not have the key ${show(name)}`);
  }
}

function requireInteger(value, place, low, high) {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new InputError(`${place} must be an integer from ${low} to ${high}, not ${show(value)}`);
  }
}

function requireChoice(value, place, choices) {
  if (!choices.includes(value)) {
    throw new InputError(`${place} must be one of ${choices.join(", ")}, not ${show(value)}`);
  }
}

/** A value in an error: short, whatever it is. */
function show(value) {
  const text = String(JSON.stringify(value));
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
