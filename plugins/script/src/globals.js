// What a script finds in its global scope besides the language: time and chance that follow from the call, the console,
// the two errors, and what bytes need.

import { digest, equal, hmac } from "./digest.js";
import { decode, encode } from "./text.js";

/** It may work later: try again. */
export class Retry extends Error {
  static {
    this.prototype.name = "Retry";
  }
}

/** It will never work: do not try again. */
export class Reject extends Error {
  static {
    this.prototype.name = "Reject";
  }
}

/** What the current call fixes. */
const state = { now: 0, random: new Uint32Array(4) };

/** Begins a call: `now` is the time, in milliseconds since the Unix epoch; randomness follows from `id`. */
export function begin(now, id) {
  state.now = now;
  // FNV-1a, four times from different beginnings; a state of zeros would stay so.
  for (let word = 0; word < 4; word += 1) {
    let hash = 0x811c9dc5 ^ word;
    for (let index = 0; index < id.length; index += 1) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
    state.random[word] = hash | 1;
  }
}

/** Marsaglia's xorshift128: 32 bits. */
function bits() {
  const words = state.random;
  const mixed = words[0] ^ (words[0] << 11);
  words.copyWithin(0, 1);
  words[3] = words[3] ^ (words[3] >>> 19) ^ mixed ^ (mixed >>> 8);
  return words[3];
}

/** A number from 0 to 1, without 1, of 53 random bits. */
function random() {
  return ((bits() >>> 5) * 0x4000000 + (bits() >>> 6)) / 0x20000000000000;
}

/** `Date`, by which it is always `now`. */
function fixedDate(RealDate) {
  function Date(...values) {
    if (new.target === undefined) return new RealDate(state.now).toString();
    return Reflect.construct(RealDate, values.length === 0 ? [state.now] : values, new.target);
  }
  Object.defineProperty(Date, "length", { value: RealDate.length });
  Object.defineProperty(Date, "prototype", { value: RealDate.prototype, writable: false });
  define(Date, { now: () => state.now, parse: RealDate.parse, UTC: RealDate.UTC });
  define(RealDate.prototype, { constructor: Date });
  return Date;
}

/** A console whose lines go to `write(level, text)`. */
function console(write) {
  const line = (level) => (...values) => write(level, values.map(display).join(" ").toWellFormed());
  return {
    trace: line("trace"),
    debug: line("debug"),
    log: line("info"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
}

function display(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return (typeof value === "object" ? JSON.stringify(value) : undefined) ?? String(value);
  } catch {
    return String(value);
  }
}

class TextEncoder {
  encode(text = "") {
    return encode(String(text));
  }
}

class TextDecoder {
  decode(bytes = new Uint8Array()) {
    return decode(bytes);
  }
}

function define(target, members) {
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(target, name, { value, writable: true, enumerable: false, configurable: true });
  }
}

/** Makes `target`, a global object, what scripts expect. */
export function install(target, write) {
  define(target.Math, { random });
  define(target, { Date: fixedDate(target.Date), console: console(write) });
  define(target, { Retry, Reject, TextEncoder, TextDecoder, digest, hmac, equal });
  delete target.performance;
}
