// The four things that a script can be: each turns the arguments of its WIT function into those of the script, and
// what the script returns into the WIT result. A WIT failure is thrown as `{ tag, val }`.

import { compile, expectUse, invalid, perform, show } from "./evaluate.js";
import { begin } from "./globals.js";
import { InboundRequest, OutboundRequest, Response, answerOf, jsonOf } from "./http.js";

/** Longest script, in UTF-16 code units. */
export const SCRIPT_MAX = 65536;

const TEMPLATE = { name: "render", parameters: ["input", "base", "call"], empty: "return null to send nothing" };
const MAPPING = { name: "map", parameters: ["response", "call"], empty: "return {} for no fields" };
const ACTION = { name: "run", parameters: ["input", "call"], empty: "return null for no output" };
const VERIFIER = { name: "verify", parameters: ["request", "secrets", "call"], empty: "return true or false" };

/** All places, by the names of their types. */
export const PLACES = { Render: TEMPLATE, Map: MAPPING, Run: ACTION, Verify: VERIFIER };

export function render(call, input, base) {
  const script = load(TEMPLATE, call);
  if (script.check) return base;
  const request = new OutboundRequest(base);
  const result = script.perform(parse(input), request, script.call);
  if (result === null) return null;
  return convert(TEMPLATE, () =>
    (result instanceof OutboundRequest ? result : request.with({ json: result })).toWit(),
  );
}

export function map(call, response) {
  const script = load(MAPPING, call);
  if (script.check) return { tag: "accepted", val: "{}" };
  try {
    const fields = script.perform(new Response(response), script.call);
    return { tag: "accepted", val: convert(MAPPING, () => jsonOf(object(fields))) };
  } catch (failure) {
    if (failure.tag === "rejected") return { tag: "failed", val: failure.val };
    if (failure.tag === "unavailable") return { tag: "retry", val: failure.val };
    throw failure;
  }
}

export function run(call, input) {
  const script = load(ACTION, call);
  if (script.check) return "null";
  const result = script.perform(parse(input), script.call);
  return convert(ACTION, () => jsonOf(result));
}

export function verify(call, request, secrets) {
  const script = load(VERIFIER, call);
  if (script.check) return { tag: "refused", val: "the script is only checked" };
  const named = Object.create(null);
  for (const { name, value } of secrets) named[name] = value;
  try {
    const result = script.perform(new InboundRequest(request), named, script.call);
    return convert(VERIFIER, () => judgement(result));
  } catch (failure) {
    if (failure.tag === "rejected") return { tag: "refused", val: failure.val };
    throw failure;
  }
}

/** Reads the configuration and compiles its script. */
function load(place, call) {
  const given = JSON.parse(call.config);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw invalid('the configuration is no object: {"script": "…"} is expected');
  }
  const { script, config = null, check = false, ...others } = given;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw invalid(`the configuration has an unknown member ${JSON.stringify(unknown)}`);
  if (typeof script !== "string") throw invalid("the configuration has no `script` that is a text");
  if (script.length > SCRIPT_MAX) throw invalid(`the script is longer than ${SCRIPT_MAX} characters`);
  begin(call.now, call.id);
  const compiled = compile(script, place);
  if (check) expectUse(compiled, place);
  const about = Object.freeze({ space: call.space, id: call.id, now: call.now, config });
  return { check, call: about, perform: (...values) => perform(compiled, place, values) };
}

function parse(input) {
  try {
    return JSON.parse(input);
  } catch (error) {
    throw invalid(`the input is no JSON: ${show(error)}`);
  }
}

function object(value) {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new TypeError("an object of fields is expected");
}

function judgement(result) {
  if (result === true) return { tag: "accepted", val: { id: null, payload: null } };
  if (result === false) return { tag: "refused", val: "the script says no" };
  if (typeof result !== "object" || result === null) {
    throw new TypeError("true, false, { id, payload }, { refused } or { answer } is expected");
  }
  if (result.refused !== undefined) return { tag: "refused", val: String(result.refused).toWellFormed() };
  if (result.answer !== undefined) return { tag: "answered", val: answerOf(result.answer) };
  const { id = null, payload } = result;
  return {
    tag: "accepted",
    val: {
      id: id === null ? null : String(id).toWellFormed(),
      payload: payload === undefined ? null : jsonOf(payload),
    },
  };
}

/** What a script returned may be what nothing can be made of: that is the script's fault, not ours. */
function convert(place, make) {
  try {
    return make();
  } catch (error) {
    throw invalid(`what \`${place.name}\` returned is of no use: ${show(error)}`);
  }
}
