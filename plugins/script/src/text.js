// UTF-8. The engine has no TextEncoder; its own base64 and percent-encoding do the work, for a loop over the characters
// costs ten times as much.

/** What is no UTF-8 in a text of bytes, up to the longest part that could have become a character (Encoding Standard,
 * "UTF-8 decoder"); before it, and so not taken for bad, what is good. */
const PARTS = new RegExp(
  "(" +
    [
      "[\\x00-\\x7f]+",
      "[\\xc2-\\xdf][\\x80-\\xbf]",
      "\\xe0[\\xa0-\\xbf][\\x80-\\xbf]",
      "[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}",
      "\\xed[\\x80-\\x9f][\\x80-\\xbf]",
      "\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}",
      "[\\xf1-\\xf3][\\x80-\\xbf]{3}",
      "\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}",
    ].join("|") +
    ")|\\xe0[\\xa0-\\xbf]|[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]|\\xed[\\x80-\\x9f]" +
    "|\\xf0[\\x90-\\xbf][\\x80-\\xbf]?|[\\xf1-\\xf3][\\x80-\\xbf]{1,2}|\\xf4[\\x80-\\x8f][\\x80-\\xbf]?|[^]",
  "g",
);

/** A text as bytes of UTF-8; what is no Unicode becomes U+FFFD. */
export function encode(text) {
  return bytesOf(unescape(encodeURIComponent(text.toWellFormed())));
}

/** Bytes of UTF-8 as a text, without a byte order mark; what is no UTF-8 becomes U+FFFD. */
export function decode(bytes) {
  const text = decoded(charactersOf(bytes));
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

function decoded(characters) {
  try {
    return decodeURIComponent(escape(characters));
  } catch {
    return decodeURIComponent(escape(characters.replace(PARTS, (_, good) => good ?? "\xef\xbf\xbd")));
  }
}

/** A character for each byte. */
function charactersOf(bytes) {
  return atob(view(bytes).toBase64());
}

function bytesOf(characters) {
  return Uint8Array.fromBase64(btoa(characters));
}

/** Bytes, however they are kept. */
function view(bytes) {
  if (bytes instanceof Uint8Array) return bytes;
  if (ArrayBuffer.isView(bytes)) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new Uint8Array(bytes);
}
