// Digests: against published vectors, and against those of Node.

import assert from "node:assert/strict";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { test } from "node:test";

import "./engine.js";

const { ALGORITHM_NAMES, digest, equal, hmac } = await import("../src/digest.js");

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const filled = (length, byte) => new Uint8Array(length).fill(byte);

test("digests are those that NIST publishes with FIPS 180-4", () => {
  const long = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno";
  const blocks = `${long}ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu`;
  const vectors = [
    ["sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
    ["sha1", blocks, "a49b2446a02c645bf419f995b67091253a04a259"],
    ["sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["sha256", blocks, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"],
    [
      "sha512",
      "abc",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ],
    [
      "sha512",
      blocks,
      "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018" +
        "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
    ],
  ];
  for (const [algorithm, text, expected] of vectors) assert.equal(hex(digest(algorithm, text)), expected, algorithm);
});

test("keyed digests are those of RFC 2202 and RFC 4231", () => {
  const vectors = [
    ["sha1", filled(20, 0x0b), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"],
    ["sha1", "Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"],
    ["sha256", filled(20, 0x0b), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [
      "sha512",
      filled(20, 0x0b),
      "Hi There",
      "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde" +
        "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ],
    [
      "sha512",
      "Jefe",
      "what do ya want for nothing?",
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" +
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ],
    [
      "sha512",
      filled(20, 0xaa),
      filled(50, 0xdd),
      "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39" +
        "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
    ],
    [
      "sha512",
      filled(131, 0xaa),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352" +
        "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ],
  ];
  for (const [algorithm, key, data, expected] of vectors) {
    assert.equal(hex(hmac(algorithm, key, data)), expected, `${algorithm}: ${expected}`);
  }
});

test("digests are those of Node, at every length around a block", () => {
  for (let length = 0; length < 300; length += 1) {
    const [data, key] = [randomBytes(length), randomBytes((length * 7) % 290)];
    for (const algorithm of ALGORITHM_NAMES) {
      assert.equal(hex(digest(algorithm, data)), createHash(algorithm).update(data).digest("hex"));
      assert.equal(hex(hmac(algorithm, key, data)), createHmac(algorithm, key).update(data).digest("hex"));
    }
  }
  assert.throws(() => digest("md5", ""), /"md5" is none of the algorithms sha256, sha512, sha1/);
  assert.throws(() => digest("sha1", 7), /bytes .* or a text/);
});

test("equal tells texts and bytes that differ", () => {
  const same = [["", ""], ["a", "a"], ["ä", Uint8Array.of(0xc3, 0xa4)]];
  const different = [["", "a"], ["a", "b"], ["a", "ab"], ["a\0", "a"]];
  for (const pair of same) assert.equal(equal(...pair), true, pair);
  for (const pair of different) assert.equal(equal(...pair), false, pair);
});
