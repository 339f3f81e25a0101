// UTF-8, against that of Node.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import "./engine.js";

const { decode, encode } = await import("../src/text.js");

/** Bytes that are nearly UTF-8: pieces of characters, good and bad, in any order. */
function nearly(seed) {
  const good = ["c3a4", "e282ac", "f09f9880", "41", "00", "efbfbd"];
  const pieces = [...good, "e282", "f09f98", "80", "c0af", "eda080", "f4908080", "ff"];
  const choose = randomBytes(seed % 12);
  return Buffer.from([...choose].map((byte) => pieces[byte % pieces.length]).join(""), "hex");
}

test("bytes are decoded as Node decodes them, whatever they are", () => {
  for (let seed = 0; seed < 3000; seed += 1) {
    for (const bytes of [nearly(seed), randomBytes(seed % 7)]) {
      assert.equal(decode(new Uint8Array(bytes)), new TextDecoder().decode(bytes), bytes.toString("hex"));
    }
  }
  assert.equal(decode(Uint8Array.of(0xef, 0xbb, 0xbf, 65)), "A");
});

test("texts are encoded as Node encodes them, even those that are no Unicode", () => {
  for (const text of ["", "a", "ä€😀", "\0", "a\ud800b", "\udfff", "%41", "x".repeat(10_000)]) {
    assert.deepEqual(encode(text), new TextEncoder().encode(text));
  }
});
