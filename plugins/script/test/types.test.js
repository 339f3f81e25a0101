// The types for editors name what scripts really get: places with their parameters, globals, members, algorithms.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";

import "./engine.js";

const { ALGORITHM_NAMES } = await import("../src/digest.js");
const { install } = await import("../src/globals.js");
const http = await import("../src/http.js");
const places = await import("../src/places.js");

const types = readFileSync(new URL("../types/tenterhook.d.ts", import.meta.url), "utf8");
const sorted = (names) => [...names].sort();
const all = (pattern) => [...types.matchAll(pattern)].map((found) => found[1]);

/** The names of an interface's members, without those that it inherits. */
function members(name) {
  const [, body] = new RegExp(`\\n  interface ${name}\\b[^{]*\\{\\n(.*?)\\n  \\}`, "s").exec(types);
  return [...body.matchAll(/^ {4}(?:readonly )?(\w+)[(:?]/gm)].map((found) => found[1]);
}

test("each place has a type with its parameters", () => {
  const { SCRIPT_MAX, PLACES, ...functions } = places;
  assert.deepEqual(sorted(Object.values(PLACES).map(({ name }) => name)), sorted(Object.keys(functions)));
  for (const [type, { parameters }] of Object.entries(PLACES)) {
    const [, given] = new RegExp(`type ${type}<[^\\n]*?> = \\(\\s*([^;]*?),?\\s*\\) =>`).exec(types);
    assert.deepEqual(given.split(/,\s*(?=\w+:)/).map((parameter) => parameter.split(":")[0]), parameters, type);
  }
  assert.deepEqual(sorted(all(/^ {2}type (\w+)<[^\n]*> = \(/gm)), sorted(Object.keys(PLACES)));
});

test("each global is declared, and no other", () => {
  const scope = runInContext("globalThis", createContext({}));
  const own = new Set(Object.getOwnPropertyNames(scope));
  const { console } = scope;
  install(scope, () => {});
  const installed = Object.getOwnPropertyNames(scope).filter((name) => !own.has(name));
  // There before, with another value; and what the engine has of itself.
  if (console !== undefined) installed.push("console");
  const declared = all(/^declare (?:function|class|const) (\w+)/gm);
  assert.deepEqual(sorted(declared), sorted(new Set([...installed, "atob", "btoa"])));
});

test("what scripts are given has the members that are declared", () => {
  const wit = { headers: [], body: new Uint8Array(), status: 200, method: "POST", url: "https://a.example/" };
  const left = ["constructor", "toWit", "toJSON"];
  const found = (object) => {
    const names = new Set(Object.keys(object));
    for (let type = Object.getPrototypeOf(object); type !== Object.prototype; type = Object.getPrototypeOf(type)) {
      Object.getOwnPropertyNames(type).forEach((name) => names.add(name));
    }
    return sorted([...names].filter((name) => !left.includes(name)));
  };
  const received = members("Received");
  assert.deepEqual(found(new http.Headers()), sorted(members("Headers")));
  assert.deepEqual(found(new http.OutboundRequest(wit)), sorted(members("Request")));
  assert.deepEqual(found(new http.Response(wit)), sorted([...received, ...members("Response")]));
  assert.deepEqual(found(new http.InboundRequest(wit)), sorted([...received, ...members("InboundRequest")]));
  const about = { space: "s", id: "i", now: 0, config: '{"script":"return call"}' };
  const call = JSON.parse(places.run(about, "null"));
  assert.deepEqual(sorted(Object.keys(call)), sorted(members("Call")));
});

test("each algorithm is in its type", () => {
  const [, names] = /type Algorithm = ([^;]*);/.exec(types);
  assert.deepEqual(names.split(" | ").map((name) => JSON.parse(name)), ALGORITHM_NAMES);
});
