import assert from "node:assert/strict";
import test from "node:test";

import { verdict } from "../src/mapping.js";
import { encode } from "../src/utf8.js";

const verdictOf = (status, body) => verdict({ status, headers: [], body: encode(body) });

test("the ticket is read", () => {
  assert.deepEqual(verdictOf(201, '{"id":"T-7"}'), { tag: "accepted", val: '{"ticket":"T-7"}' });
});

test("a busy help desk is asked again, and any other trouble is told", () => {
  assert.equal(verdictOf(503, "busy").tag, "retry");
  assert.deepEqual(verdictOf(404, ""), { tag: "failed", val: "the help desk answers 404" });
  for (const body of ["{}", "null", "<html>", ""]) {
    assert.deepEqual(verdictOf(200, body), { tag: "failed", val: "the answer has no id" });
  }
});
