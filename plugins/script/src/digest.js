// Digests and keyed digests (FIPS 180-4 and RFC 2104), as signatures of webhooks use them.

import { sha512, words as wordsOf } from "./sha512.js";
import { encode } from "./text.js";

/** The first 32 bits of the fractional part. */
const fraction = (number) => ((number - Math.floor(number)) * 0x100000000) | 0;

const primes = (count) => {
  const found = [];
  for (let next = 2; found.length < count; next += 1) {
    if (found.every((prime) => next % prime !== 0)) found.push(next);
  }
  return found;
};

const SHA256_ROUNDS = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)));
const SHA256_START = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)));
const SHA1_START = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
const SHA512_ROUNDS = wordsOf(primes(80), 3);
const SHA512_START = wordsOf(primes(8), 2);

/** FIPS 180-4, 6.2.2. The rotations are written out, here and below: a call costs the engine as much as ten of these
 * operations, and what is signed has to be hashed within the time of a template. */
function sha256(state, words) {
  for (let t = 16; t < 64; t += 1) {
    const x = words[t - 15];
    const y = words[t - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[t] = words[t - 16] + s0 + words[t - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let t = 0; t < 64; t += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + SHA256_ROUNDS[t] + words[t]) | 0;
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, index) => (state[index] += word));
}

/** FIPS 180-4, 6.1.2. */
function sha1(state, words) {
  for (let t = 16; t < 80; t += 1) {
    const x = words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16];
    words[t] = (x << 1) | (x >>> 31);
  }
  let [a, b, c, d, e] = state;
  for (let t = 0; t < 80; t += 1) {
    let mixed;
    if (t < 20) mixed = ((b & c) ^ (~b & d)) + 0x5a827999;
    else if (t < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
    else if (t < 60) mixed = ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
    else mixed = (b ^ c ^ d) + 0xca62c1d6;
    const next = (((a << 5) | (a >>> 27)) + mixed + e + words[t]) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  [a, b, c, d, e].forEach((word, index) => (state[index] += word));
}

/** By name: how each begins, what it makes of a block, and how many bytes a block has. */
const ALGORITHMS = {
  __proto__: null,
  sha256: { start: SHA256_START, compress: sha256, block: 64 },
  sha512: { start: SHA512_START, compress: (state, words) => sha512(SHA512_ROUNDS, state, words), block: 128 },
  sha1: { start: SHA1_START, compress: sha1, block: 64 },
};

/** The names of the algorithms. */
export const ALGORITHM_NAMES = Object.keys(ALGORITHMS);

/** The digest of bytes or of a text: `algorithm` is `sha256`, `sha512` or `sha1`. */
export function digest(algorithm, data) {
  return hash(known(algorithm), bytesOf(data));
}

/** The keyed digest (HMAC) of bytes or of a text. */
export function hmac(algorithm, key, data) {
  const by = known(algorithm);
  const given = bytesOf(key);
  const block = new Uint8Array(by.block);
  block.set(given.length > by.block ? hash(by, given) : given);
  const padded = (pad) => block.map((byte) => byte ^ pad);
  return hash(by, joined(padded(0x5c), hash(by, joined(padded(0x36), bytesOf(data)))));
}

/** Whether two texts or byte arrays are the same, without telling by the time taken where they differ. */
export function equal(one, other) {
  const [left, right] = [bytesOf(one), bytesOf(other)];
  let difference = left.length ^ right.length;
  for (let index = 0; index < left.length; index += 1) difference |= left[index] ^ right[index];
  return difference === 0;
}

function known(algorithm) {
  const found = ALGORITHMS[algorithm];
  if (found !== undefined) return found;
  throw new TypeError(`${JSON.stringify(algorithm)} is none of the algorithms ${ALGORITHM_NAMES.join(", ")}`);
}

function bytesOf(data) {
  if (data instanceof Uint8Array) return data;
  if (typeof data === "string") return encode(data);
  throw new TypeError("bytes (a Uint8Array) or a text are expected");
}

function joined(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

function hash({ start, compress, block }, bytes) {
  const state = Int32Array.from(start);
  const words = new Int32Array(160);
  // A one bit, zeros, and the length in bits (64 or 128 of them, of which a text here needs 48).
  const padded = new Uint8Array(Math.ceil((bytes.length + 1 + block / 8) / block) * block);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 0x20000000));
  view.setUint32(padded.length - 4, bytes.length * 8);
  for (let at = 0; at < padded.length; at += block) {
    for (let t = 0; t < block / 4; t += 1) words[t] = view.getInt32(at + 4 * t);
    compress(state, words);
  }
  const output = new DataView(new ArrayBuffer(4 * state.length));
  state.forEach((word, index) => output.setInt32(4 * index, word));
  return new Uint8Array(output.buffer);
}
