// SHA-512 (FIPS 180-4, 6.4.2). A word of 64 bits is two of 32, the higher one first: BigInt takes the engine many times
// as long.

/** What the lower half of a sum carries over begins here. */
const CARRY = 0x100000000;

/** A root of `number`, the `degree`th one: the first 64 bits of its fractional part (Newton's method, over whole
 * numbers, from above). */
function fraction(number, degree) {
  const power = BigInt(degree);
  const target = BigInt(number) << (64n * power);
  for (let root = 1n << 70n; ; ) {
    const next = ((power - 1n) * root + target / root ** (power - 1n)) / power;
    if (next >= root) return BigInt.asUintN(64, root);
    root = next;
  }
}

/** The fractions of the roots of numbers, as words. */
export function words(numbers, degree) {
  return Int32Array.from(numbers.map((number) => fraction(number, degree)).flatMap((f) => [f >> 32n, f]), (half) =>
    Number(BigInt.asIntN(32, half)),
  );
}

/** The message schedule (σ0 and σ1): `words` has 16 words, and gets 80. The rotations are written out, here and below:
 * a call costs the engine as much as ten of these operations. */
function extend(words) {
  for (let t = 32; t < 160; t += 2) {
    const h = words[t - 30];
    const l = words[t - 29];
    const i = words[t - 4];
    const m = words[t - 3];
    const h0 = ((h >>> 1) | (l << 31)) ^ ((h >>> 8) | (l << 24)) ^ (h >>> 7);
    const l0 = ((l >>> 1) | (h << 31)) ^ ((l >>> 8) | (h << 24)) ^ ((l >>> 7) | (h << 25));
    const h1 = ((i >>> 19) | (m << 13)) ^ ((m >>> 29) | (i << 3)) ^ (i >>> 6);
    const l1 = ((m >>> 19) | (i << 13)) ^ ((i >>> 29) | (m << 3)) ^ ((m >>> 6) | (i << 26));
    const low = (l0 >>> 0) + (l1 >>> 0) + (words[t - 13] >>> 0) + (words[t - 31] >>> 0);
    words[t + 1] = low;
    words[t] = h0 + h1 + words[t - 14] + words[t - 32] + ((low / CARRY) | 0);
  }
}

/** One block: `rounds` are the words of the rounds, `words` has the block's 16. */
export function sha512(rounds, state, words) {
  extend(words);
  let [ah, al, bh, bl, ch, cl, dh, dl, eh, el, fh, fl, gh, gl, hh, hl] = state;
  for (let t = 0; t < 160; t += 2) {
    // Σ1 and Ch of e, f and g; Σ0 and Maj of a, b and c.
    const s1h = ((eh >>> 14) | (el << 18)) ^ ((eh >>> 18) | (el << 14)) ^ ((el >>> 9) | (eh << 23));
    const s1l = ((el >>> 14) | (eh << 18)) ^ ((el >>> 18) | (eh << 14)) ^ ((eh >>> 9) | (el << 23));
    const chosen = ((el & fl) ^ (~el & gl)) >>> 0;
    const t1l = (hl >>> 0) + (s1l >>> 0) + chosen + (rounds[t + 1] >>> 0) + (words[t + 1] >>> 0);
    const t1h = (hh + s1h + ((eh & fh) ^ (~eh & gh)) + rounds[t] + words[t] + ((t1l / CARRY) | 0)) | 0;
    const s0h = ((ah >>> 28) | (al << 4)) ^ ((al >>> 2) | (ah << 30)) ^ ((al >>> 7) | (ah << 25));
    const s0l = ((al >>> 28) | (ah << 4)) ^ ((ah >>> 2) | (al << 30)) ^ ((ah >>> 7) | (al << 25));
    const t2l = (s0l >>> 0) + (((al & bl) ^ (al & cl) ^ (bl & cl)) >>> 0);
    const t2h = s0h + ((ah & bh) ^ (ah & ch) ^ (bh & ch)) + ((t2l / CARRY) | 0);
    hh = gh;
    hl = gl;
    gh = fh;
    gl = fl;
    fh = eh;
    fl = el;
    const nextE = (dl >>> 0) + (t1l >>> 0);
    eh = (dh + t1h + ((nextE / CARRY) | 0)) | 0;
    el = nextE | 0;
    dh = ch;
    dl = cl;
    ch = bh;
    cl = bl;
    bh = ah;
    bl = al;
    const nextA = (t1l >>> 0) + (t2l >>> 0);
    ah = (t1h + t2h + ((nextA / CARRY) | 0)) | 0;
    al = nextA | 0;
  }
  add(state, [ah, al, bh, bl, ch, cl, dh, dl, eh, el, fh, fl, gh, gl, hh, hl]);
}

function add(state, more) {
  for (let at = 0; at < state.length; at += 2) {
    const low = (state[at + 1] >>> 0) + (more[at + 1] >>> 0);
    state[at] += more[at] + ((low / CARRY) | 0);
    state[at + 1] = low;
  }
}
