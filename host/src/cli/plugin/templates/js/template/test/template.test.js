import assert from "node:assert/strict";
import test from "node:test";

import { message, request } from "../src/template.js";
import { decode } from "../src/utf8.js";

const config = { channel: "#sales" };

test("a lead is told with its address if it has one", () => {
  const lead = { name: "Anna", email: "anna@example.com" };
  assert.deepEqual(message(config, lead), { channel: "#sales", text: "New lead: Anna (anna@example.com)" });
  assert.equal(message(config, { name: "Zoë" }).text, "New lead: Zoë");
});

test("a lead without a name is refused with the reason", () => {
  assert.throws(() => message(config, {}), { tag: "invalid", val: "input: `name` is missing" });
});

test("the request has the message and its type", () => {
  const base = { method: "POST", url: "https://a.example/", headers: [{ name: "Content-Type", value: "x" }], body: [] };
  const { headers, body } = request(base, { text: "Zoë 👋" });
  assert.deepEqual(headers, [{ name: "content-type", value: "application/json" }]);
  assert.equal(decode(body), '{"text":"Zoë 👋"}');
});
