// Lines and columns of a script, from what the engine tells of an error.
//
// The engine names evaluated text `<input>`. A stack of an exception has frames such as `at f (<input>:3:9)`; that of
// a syntax error begins with `at <input>:3:9`, the place in what was parsed. Columns are counted in bytes of UTF-8,
// from 1. Ours are counted in UTF-16 code units, from 1, as editors do.

/** Lines before the script in the evaluated text. */
const LINES_BEFORE = 1;
/** Up to this length, in UTF-16 code units, a script is searched for a bad regular expression. */
const SEARCHED_MAX = 16384;

const PARSED = /^ *at <input>:(\d+):(\d+)$/m;
const FRAMES = /^ *at (.*) \(<input>:(\d+):(\d+)\)$/gm;
const LINE_END = /\r\n|[\n\r\u2028\u2029]/g;

/** `reason`, with the place before it if that is known: what the host takes apart again. */
export function located(at, reason) {
  return at === undefined ? reason : `line ${at.line}, column ${at.column}: ${reason}`;
}

/** Where in `text` a syntax error lies: `{ line, column, offset }`; undefined if outside, or if nobody knows. */
export function syntaxPlace(error, text) {
  const found = PARSED.exec(stackOf(error));
  return found === null ? undefined : placeIn(text, Number(found[1]) - LINES_BEFORE, Number(found[2]));
}

/** Where in `text` an exception was made: the innermost frame in it. */
export function runtimePlace(error, text) {
  const frames = [...stackOf(error).matchAll(FRAMES)];
  // The frame of a class that extends Error is that of its constructor, not where it is thrown.
  const first = frames.length > 1 && frames[0][1] === nameOf(error) ? frames[1] : frames[0];
  return first === undefined ? undefined : placeIn(text, Number(first[2]) - LINES_BEFORE, Number(first[3]));
}

/** A syntax error in words, with its place. `attempt` tells the error of parsing a beginning of `text`, if any. */
export function syntaxTrouble(error, text, attempt) {
  const found = PARSED.exec(stackOf(error));
  if (found === null) return located(expressionPlace(error, text, attempt), error.message);
  const at = syntaxPlace(error, text);
  if (at === undefined) return located(endOf(text), "the script ends where something is open, or closed too often");
  const [before] = /^\s*(?=import\b)/.exec(lineAt(text, at.line)) ?? [];
  if (before === undefined) return located(at, error.message);
  return located({ line: at.line, column: before.length + 1 }, "a script cannot import anything");
}

function stackOf(error) {
  try {
    return String(error.stack);
  } catch {
    return "";
  }
}

function nameOf(error) {
  try {
    return error.constructor.name;
  } catch {
    return undefined;
  }
}

/** A place by line and column in bytes. */
function placeIn(text, line, column) {
  const start = lineStart(text, line);
  if (start === undefined) return undefined;
  let offset = start;
  for (let bytes = 1; bytes < column && offset < text.length; ) {
    const code = text.codePointAt(offset);
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    offset += code < 0x10000 ? 1 : 2;
  }
  return { line, column: offset - start + 1, offset };
}

/** The offset of a line, counted from 1. */
function lineStart(text, line) {
  if (line === 1) return 0;
  let number = 1;
  for (const { index, 0: end } of text.matchAll(LINE_END)) {
    number += 1;
    if (number === line) return index + end.length;
  }
  return undefined;
}

function lineAt(text, line) {
  return text.slice(lineStart(text, line)).split(LINE_END, 1)[0];
}

function placeAt(text, offset) {
  const before = text.slice(0, offset).split(LINE_END);
  return { line: before.length, column: before.at(-1).length + 1, offset };
}

/** Behind the last thing in the text. */
export function endOf(text) {
  return placeAt(text, text.trimEnd().length);
}

/** The place of a bad regular expression, of which the engine does not tell it: where the shortest beginning of the
 * text that has the same error ends, that ends too. */
function expressionPlace(error, text, attempt) {
  if (text.length > SEARCHED_MAX) return undefined;
  const has = (length) => {
    const other = attempt(text.slice(0, length));
    return other !== undefined && other.message === error.message && !PARSED.test(stackOf(other));
  };
  let [without, within] = [0, text.length];
  if (!has(within)) return undefined;
  while (within - without > 1) {
    const middle = (without + within) >> 1;
    if (has(middle)) within = middle;
    else without = middle;
  }
  const start = text.lastIndexOf("/", within - 2);
  return placeAt(text, Math.max(start, 0));
}
