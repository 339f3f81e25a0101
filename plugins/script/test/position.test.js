// Places in a script, from stacks as the engine writes them.

import assert from "node:assert/strict";
import { test } from "node:test";

const { located, runtimePlace, syntaxPlace, syntaxTrouble } = await import("../src/position.js");

const stack = (...frames) => ({ stack: frames.map((frame) => `    at ${frame}\n`).join("") });
const at = ({ line, column }) => `${line}:${column}`;

test("columns are counted in code units, the engine's in bytes", () => {
  const text = "let ä = 'ü' + ;\r\n'😀'; foo()\n\u2028  bar()";
  const cases = [
    ["2:17", "1:15"],
    ["3:9", "2:7"],
    ["5:3", "4:3"],
    ["2:1", "1:1"],
  ];
  for (const [engine, ours] of cases) assert.equal(at(syntaxPlace(stack(`<input>:${engine}`), text)), ours);
  for (const outside of ["1:1", "6:1", "7:2"]) assert.equal(syntaxPlace(stack(`<input>:${outside}`), text), undefined);
  assert.equal(syntaxPlace({ stack: undefined }, text), undefined);
});

test("the innermost frame in the script counts", () => {
  const text = "1\n2\n3\n4";
  const frames = ["parse (native)", "json (/http.js:9:9)", "a (<input>:3:1)", "render (<input>:4:1)", "f (/x.js:1:1)"];
  assert.equal(at(runtimePlace(stack("<input>:1:7", ...frames), text)), "2:1", "not the place in what was parsed");
  assert.equal(runtimePlace(stack("run (/runner.js:3:1)"), text), undefined);
  assert.equal(runtimePlace(7, text), undefined);
  class Bad extends Error {}
  const thrown = Object.assign(new Bad("x"), stack("Bad (<input>:2:1)", "render (<input>:5:1)"));
  assert.equal(at(runtimePlace(thrown, text)), "4:1", "not the constructor");
});

test("what lies behind the script is at its end", () => {
  const error = { message: "unexpected", ...stack("<input>:4:2") };
  const expected = "line 1, column 9: the script ends where something is open, or closed too often";
  assert.equal(syntaxTrouble(error, "foo(1, {\n  ", () => undefined), expected);
});

test("an import is told as such", () => {
  const error = { message: "Unexpected identifier 'x'", ...stack("<input>:3:8") };
  assert.equal(syntaxTrouble(error, "\n import x from 'y'"), "line 2, column 2: a script cannot import anything");
});

test("a bad regular expression is found although the engine does not tell where", () => {
  const text = "const a = 1 / 2;\nreturn /ä/.test(a) && /(/u.test(a) || /[/";
  const error = { message: "expecting ')'", ...stack("eval (native)") };
  const attempt = (part) => (part.includes("/(/") ? error : { message: "unexpected end", ...stack("<input>:9:9") });
  assert.equal(syntaxTrouble(error, text, attempt), "line 2, column 23: expecting ')'");
  assert.equal(syntaxTrouble(error, text, () => undefined), "expecting ')'");
  assert.equal(located(undefined, "why"), "why");
});
