// Time, chance and the console: the same call gives the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";

import "./engine.js";

const { begin, install } = await import("../src/globals.js");

/** A global scope of its own, as the component has one. */
function fresh() {
  const lines = [];
  const scope = createContext({});
  install(runInContext("globalThis", scope), (level, text) => lines.push([level, text]));
  return { run: (code) => runInContext(code, scope), lines };
}

test("it is always the time of the call", () => {
  const { run } = fresh();
  begin(1_700_000_000_123, "call-1");
  assert.equal(run("Date.now()"), 1_700_000_000_123);
  assert.equal(run("new Date().toISOString()"), "2023-11-14T22:13:20.123Z");
  assert.equal(run("Date().slice(0, 15)"), "Tue Nov 14 2023");
  assert.equal(run("new Date(0).toISOString()"), "1970-01-01T00:00:00.000Z");
  assert.equal(run("Date.UTC(2000) - Date.parse('2000-01-01T00:00:00Z')"), 0);
  assert.equal(run("new Date() instanceof Date && new Date().constructor === Date && Date.length === 7"), true);
  assert.equal(run("new (class extends Date { year() { return this.getUTCFullYear() } })().year()"), 2023);
  assert.equal(run("typeof performance"), "undefined");
});

test("random numbers follow from the call, and are spread", () => {
  const { run } = fresh();
  const draw = (id) => {
    begin(0, id);
    return run("Array.from({ length: 10000 }, Math.random)");
  };
  const first = draw("call-1");
  assert.deepEqual(draw("call-1"), first);
  assert.notDeepEqual(draw("call-2"), first);
  assert.equal(new Set(first).size, 10_000);
  assert.ok(first.every((number) => number >= 0 && number < 1));
  const mean = first.reduce((sum, number) => sum + number) / first.length;
  assert.ok(Math.abs(mean - 0.5) < 0.02, `the mean is ${mean}`);
  for (const id of ["", "a", "\u0000"]) assert.ok(draw(id).some((number) => number > 0.5), id);
});

test("the console writes lines", () => {
  const { run, lines } = fresh();
  run("console.log('a', 1, null, undefined, { b: [1n.toString()] }, 2n, () => 1)");
  run("console.warn([]); console.error({ toJSON() { throw 1 } }); console.debug('\\ud800')");
  assert.deepEqual(lines, [
    ["info", 'a 1 null undefined {"b":["1"]} 2 () => 1'],
    ["warn", "[]"],
    ["error", "[object Object]"],
    ["debug", "\ufffd"],
  ]);
});
