import assert from "node:assert/strict";
import test from "node:test";

import { decode, encode } from "../src/utf8.js";
import { judgement } from "../src/verifier.js";

function judge(token, body, secrets = [{ name: "token", value: "right" }]) {
  const headers = [{ name: "X-Token", value: token }, { name: "x-event-id", value: "e-1" }];
  return judgement({ method: "POST", url: "https://hooks.example/in/t", headers, body: encode(body) }, secrets);
}

test("the right token is accepted under the sender's id", () => {
  assert.deepEqual(judge("right", "{}"), { tag: "accepted", val: { id: "e-1", payload: null } });
});

test("another token is refused", () => {
  for (const token of ["", "wrong", "righ", "rightright"]) assert.equal(judge(token, "{}").tag, "refused", token);
});

test("a challenge is answered", () => {
  const { tag, val } = judge("right", '{"challenge":"abc"}');
  assert.deepEqual([tag, val.status, decode(val.body)], ["answered", 200, "abc"]);
});

test("without the secret nothing is accepted", () => {
  assert.throws(() => judge("right", "{}", []), { tag: "invalid" });
});
