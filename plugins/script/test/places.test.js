// What the four places make of what a script does. Positions are the engine's affair and tested in the host.

import assert from "node:assert/strict";
import { test } from "node:test";

import "./engine.js";

const { Reject, Retry } = await import("../src/globals.js");
const { hmac, equal } = await import("../src/digest.js");
const places = await import("../src/places.js");
const { description } = await import("../src/describe.js");

Object.assign(globalThis, { Reject, Retry, hmac, equal });

const bytes = (text) => new TextEncoder().encode(text);
const base = { method: "POST", url: "https://a.example/x", headers: [], body: bytes("") };

const call = (script, others) => {
  const config = JSON.stringify({ script, ...others });
  return { space: "s", id: "call-1", now: 1_700_000_000_123, config };
};
const render = (script, input = {}, others = {}, request = base) => {
  const { body, ...rest } = places.render(call(script, others), JSON.stringify(input), request) ?? {};
  return body && { ...rest, body: new TextDecoder().decode(body) };
};
const map = (script, body = "{}", status = 200) => {
  const headers = [{ name: "Retry-After", value: "5" }, { name: "x-a", value: "1" }, { name: "X-A", value: "2" }];
  return places.map(call(script), { status, headers, body: bytes(body) });
};
const run = (script, input = null, others = {}) => places.run(call(script, others), JSON.stringify(input));
const verify = (script, request = {}) => {
  const received = { method: "POST", url: "https://a.example/in?b=a+b&b=%C3%A4&c", headers: [], body: bytes("body") };
  return places.verify(call(script), { ...received, ...request }, [{ name: "key", value: "k" }]);
};
/** The failure that a call ends with; its place is left out, as it is another in Node. */
const failure = (act) => {
  try {
    act();
  } catch ({ tag, val }) {
    return `${tag}: ${val}`;
  }
  throw new Error("it gave a result");
};

test("a script defines a function or returns at once", () => {
  const expected = '{"text":"Hello Anna"}';
  const scripts = [
    "function render(input) { return { text: `Hello ${input.name}` }; }",
    "export function render(input) { return { text: `Hello ${input.name}` }; }",
    "const a = 1;\r\n\texport  const render = (input) => ({ text: `Hello ${input.name}` });",
    "const greet = (name) => `Hello ${name}`; const render = ({ name }) => ({ text: greet(name) });",
    "return { text: `Hello ${input.name}` };",
    "#!/usr/bin/env anything\nreturn { text: `Hello ${input.name}` } // comment",
  ];
  for (const script of scripts) assert.equal(render(script, { name: "Anna" }).body, expected, script);
  const longText = "const text = '\\\nexport function a'; return [text, `\nexport function b`]";
  assert.deepEqual(JSON.parse(render(longText).body), ["export function a", "\nexport function b"]);
});

test("a plain value becomes the JSON body, and a content type that is set stays", () => {
  const json = { name: "content-type", value: "application/json" };
  assert.deepEqual(render("return [1, 'ä', null]"), { ...base, headers: [json], body: '[1,"ä",null]' });
  const typed = { ...base, headers: [{ name: "Content-Type", value: "application/vnd.api+json" }] };
  assert.deepEqual(render("return 'text'", {}, {}, typed), { ...typed, body: '"text"' });
  assert.equal(render("return null"), undefined);
  assert.equal(render("base.url += '/y'; return {}").url, "https://a.example/x/y");
});

test("a request is changed or copied", () => {
  const given = { ...base, headers: [{ name: "X-A", value: "1" }, { name: "x-b", value: "2" }] };
  const form = "{ a: ['b c', 2], d: \"ä!'\", e: null }";
  const copied = `return base.with({ method: 'PUT', headers: { 'x-a': 3 }, form: ${form} })`;
  assert.deepEqual(render(copied, {}, {}, given), {
    method: "PUT",
    url: base.url,
    headers: [
      { name: "x-b", value: "2" },
      { name: "x-a", value: "3" },
      { name: "content-type", value: "application/x-www-form-urlencoded" },
    ],
    body: "a=b+c&a=2&d=%C3%A4%21%27",
  });
  assert.equal(render("base.body = 'text'; return base").body, "text");
  assert.equal(render("return base.with({ body: Uint8Array.of(65) })").body, "A");
  assert.deepEqual(render("return base.with({ text: '<a/>', headers: [['Content-Type', 'text/xml']] })").headers, [
    { name: "Content-Type", value: "text/xml" },
  ]);
  assert.equal(render("base.with({ url: 'x' }).headers.set('a', 'b'); return base", {}, {}, given).headers.length, 2);
});

test("what nothing can be made of is the script's fault", () => {
  const of = (script) => failure(() => render(script));
  const useless = "invalid: what `render` returned is of no use: TypeError: ";
  assert.equal(of("return () => 1"), `${useless}a function has no JSON`);
  assert.match(of("return new Uint8Array(1)"), /: bytes have no JSON: a template gives them by `with\({ body }\)`$/);
  assert.match(of("base.body = {}; return base"), /a body is a text or a Uint8Array/);
  assert.match(of("return { base }"), /return it as it is/);
  assert.match(of("return 1n"), /BigInt/);
  assert.match(of("if (input.no) return 1"), /: the script neither defines a function `render` nor returns a value$/);
  assert.equal(of("function render() {}"), "invalid: `render` returned nothing: return null to send nothing");
  assert.match(of("async function render() { return 1 }"), /`render` is asynchronous/);
  assert.match(of("return base.with({ jsn: 1 })"), /`jsn` is nothing that can be set/);
});

test("an exception is invalid, or what it says it is", () => {
  const of = (script) => failure(() => run(script));
  assert.equal(of("throw new Error('no phone')"), "invalid: no phone");
  assert.equal(of("null.x").slice(0, 20), "invalid: TypeError: ");
  assert.equal(of("throw { a: 1 }"), 'invalid: the script threw {"a":1}');
  assert.equal(of("throw { tag: 'rejected', val: 7 }"), 'invalid: the script threw {"tag":"rejected","val":7}');
  assert.equal(of("throw { toJSON() { throw 1 } }"), "invalid: the script threw what cannot be shown");
  assert.equal(of("throw new Retry('busy')"), "unavailable: busy");
  assert.equal(of("throw new Reject('never\\ud800')"), "rejected: never\ufffd");
  assert.equal(of("return { get then() { throw new Reject('no') } }"), "rejected: no");
});

test("the configuration is checked", () => {
  const of = (config) => failure(() => places.run({ ...call(""), config }, "null"));
  assert.match(of("null"), /^invalid: the configuration is no object/);
  assert.match(of("[]"), /^invalid: the configuration is no object/);
  assert.match(of("{}"), /no `script` that is a text/);
  assert.match(of('{"script": "", "scrpt": 1}'), /unknown member "scrpt"/);
  assert.match(of(JSON.stringify({ script: " ".repeat(65_537) })), /longer than 65536 characters/);
  const about = { space: "s", id: "call-1", now: 1_700_000_000_123, config: { a: 1 } };
  assert.deepEqual(JSON.parse(run("return call", null, { config: { a: 1 } })), about);
});

test("a check compiles and calls nothing", () => {
  const script = "if (input !== 0) throw new Error('called'); return 0";
  assert.deepEqual(render(script, {}, { check: true }), { ...base, body: "" });
  assert.equal(run(script, null, { check: true }), "null");
  assert.deepEqual(places.map(call(script, { check: true }), null), { tag: "accepted", val: "{}" });
  assert.equal(places.verify(call(script, { check: true }), null, []).tag, "refused");
  assert.match(failure(() => run("return (", null, { check: true })), /^invalid: /);
});

test("a check refuses a script that can give no result in its place", () => {
  const of = (script) => failure(() => run(script, null, { check: true }));
  const useless = (line, column) =>
    `invalid: line ${line}, column ${column}: the script neither defines a function \`run\` nor returns a value`;
  assert.equal(of(""), useless(1, 1));
  assert.equal(of("function render() { return 1 }"), useless(1, 31));
  assert.equal(of("const one = 1;\n  globalThis.two = () => { return run };  // run\n\n"), useless(2, 49));
  for (const script of [
    "function run() {}",
    "export async function run() {}",
    "let a = 1; var run = () => a; // the end",
    "const { run } = { run() {} }",
    "class run {}",
    "if (input) { return 1 }",
    "for (const one of input) switch (one) { case 1: return 1 }",
    "function a() {} function a() {} return 1",
    "#!/usr/bin/env anything\nreturn { text: `\nreturn` }",
  ]) {
    assert.equal(run(script, null, { check: true }), "null", script);
  }
});

test("a mapping gives fields, or says what an answer means", () => {
  const accepted = (val) => ({ tag: "accepted", val });
  assert.deepEqual(map("return { id: response.json().id }", '\ufeff{"id":7}'), accepted('{"id":7}'));
  const get = (name) => `response.headers.get('${name}')`;
  const headers = `return { a: ${get("retry-after")}, b: ${get("x-a")}, c: ${get("")} }`;
  assert.deepEqual(map(headers), accepted('{"a":"5","b":"1, 2","c":null}'));
  assert.deepEqual(map("return response.form()", "a=1&b=%C3%A4+c&a=2&&d"), accepted('{"a":"2","b":"ä c","d":""}'));
  assert.deepEqual(map("if (!response.ok) throw new Retry('busy')", "", 503), { tag: "retry", val: "busy" });
  assert.deepEqual(map("throw new Reject(response.text())", "no"), { tag: "failed", val: "no" });
  assert.match(failure(() => map("return response.json()", "{")), /^invalid: SyntaxError: /);
  for (const none of ["null", "7", "[{}]"]) assert.match(failure(() => map(`return ${none}`)), /an object of fields/);
  assert.equal(failure(() => map("return")), "invalid: `map` returned nothing: return {} for no fields");
});

test("an action gives output", () => {
  assert.equal(run("return { sum: input.a + input.b }", { a: 1, b: 2 }), '{"sum":3}');
  assert.equal(run("return null"), "null");
  assert.match(failure(() => places.run(call("return 1"), "{")), /^invalid: the input is no JSON: SyntaxError/);
});

test("a verifier accepts, refuses or answers", () => {
  const accepted = (id = null, payload = null) => ({ tag: "accepted", val: { id, payload } });
  assert.deepEqual(verify("return true"), accepted());
  assert.deepEqual(verify("return {}"), accepted());
  assert.deepEqual(verify("return { id: 7, payload: request.query }"), accepted("7", '{"b":"ä","c":""}'));
  assert.deepEqual(verify("return false"), { tag: "refused", val: "the script says no" });
  assert.deepEqual(verify("return { refused: 'old' }"), { tag: "refused", val: "old" });
  assert.deepEqual(verify("throw new Reject('old')"), { tag: "refused", val: "old" });
  assert.equal(failure(() => verify("throw new Retry('later')")), "unavailable: later");
  assert.match(failure(() => verify("return 'no'")), /^invalid: .* is expected$/);
  const signed = "return equal(hmac('sha256', secrets.key, request.body).toHex(), request.headers.get('x-sig'))";
  const signature = Buffer.from(hmac("sha256", "k", "body")).toString("hex");
  assert.equal(verify(signed, { headers: [{ name: "X-Sig", value: signature }] }).tag, "accepted");
  assert.equal(verify(signed, { headers: [{ name: "X-Sig", value: signature.slice(1) }] }).tag, "refused");
  assert.deepEqual(verify("return { answer: { json: { token: request.query.b } } }"), {
    tag: "answered",
    val: { status: 200, headers: [{ name: "content-type", value: "application/json" }], body: bytes('{"token":"ä"}') },
  });
  assert.deepEqual(verify("return { answer: { status: 204 } }").val, { status: 204, headers: [], body: bytes("") });
  assert.match(failure(() => verify("return { answer: { status: 99 } }")), /no status of HTTP/);
});

test("the example of the description does what it shows", () => {
  const { script } = JSON.parse(description.exampleConfig);
  const input = JSON.parse(description.exampleInput);
  assert.equal(render(script, input).body, '{"text":"New lead: Anna of Fjord AB"}');
  assert.deepEqual(Object.keys(JSON.parse(description.configSchema).properties), ["script", "config", "check"]);
});
