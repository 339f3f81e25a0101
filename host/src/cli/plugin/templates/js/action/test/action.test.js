import assert from "node:assert/strict";
import test from "node:test";

import { score } from "../src/action.js";

test("a reachable lead with a large contract is hot", () => {
  assert.deepEqual(score({ email: "anna@example.com", contract_value: 12500 }), { score: 100, segment: "hot" });
});

test("what is not known counts nothing", () => {
  assert.deepEqual(score({ email: null }), { score: 0, segment: "cold" });
  assert.deepEqual(score({ contract_value: 1000 }), { score: 30, segment: "cold" });
});
