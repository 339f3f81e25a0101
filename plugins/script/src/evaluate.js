// Compiles a script and calls it; errors get the line and the column of the user's text.
//
// A script is the body of a function: either it returns the result, or it defines a function named after its place of
// use (`render`, `map`, `run`, `verify`), which is then called. `export` before a declaration is allowed and ignored.

import { Reject, Retry } from "./globals.js";
import { endOf, located, runtimePlace, syntaxPlace, syntaxTrouble } from "./position.js";

/** Compiles in the global scope: what is in this module is out of a script's sight. */
const evaluate = globalThis.eval;

/** What stands before a script: one line. */
const head = (place) => `(function (${place.parameters.join(", ")}) { "use strict";\n`;
/** What stands after it. A script that comes to its end has not returned: what it defines is handed over instead. */
const tail = (place) =>
  `\n;arguments[${place.parameters.length}](typeof ${place.name} === "function" ? ${place.name} : null);\n})`;

/** A declaration that is exported. */
const EXPORTED = /^export(?=\s+(?:async\s+function|function|class|const|let|var)\b)/;
/** The same at the beginning of a line. */
const EXPORTED_LINE = /^[ \t]*export(?=\s+(?:async\s+function|function|class|const|let|var)\b)/gm;
/** What begins text or a comment that may go on in the next line. */
const LONG = /[`\u2028\u2029]|\/\*|\\[\n\r]/;

/** A WIT failure: the input or the configuration is not what is taken. */
export function invalid(reason) {
  return { tag: "invalid", val: reason.toWellFormed() };
}

/** Compiles `source` for `place`; `invalid`, with line and column, where it has a syntax error. */
export function compile(source, place) {
  // The first line may be a hashbang, which is a comment.
  let text = withoutExports(source.replace(/^#!/, "//"));
  for (;;) {
    try {
      return { source, text, call: evaluate(head(place) + text + tail(place)) };
    } catch (error) {
      const at = syntaxPlace(error, text);
      const rest = at === undefined ? "" : text.slice(at.offset);
      if (!rest.startsWith("export")) throw invalid(trouble(error, text, place));
      if (!EXPORTED.test(rest)) {
        throw invalid(located(at, "`export` stands before a function, class or variable that has a name"));
      }
      text = text.slice(0, at.offset) + " ".repeat(6) + text.slice(at.offset + 6);
    }
  }
}

/** Leaves out the exports, with spaces instead so that everything keeps its place, where a look is enough to know them:
 * at the beginning of a line, before anything that may go on over lines. The engine finds the others, which takes it
 * some 50 µs each. */
function withoutExports(text) {
  const long = text.search(LONG);
  const end = long === -1 ? text.length : long;
  return text.replace(EXPORTED_LINE, (found, offset) => (offset < end ? " ".repeat(found.length) : found));
}

function trouble(error, text, place) {
  const attempt = (part) => {
    try {
      evaluate(head(place) + part);
    } catch (other) {
      return other;
    }
    return undefined;
  };
  return syntaxTrouble(error, text, attempt);
}

/** Refuses a script that compiles but can give no result in `place`: that neither defines its function nor returns.
 * Nothing of it runs. A second declaration of the name compiles only if there is no first one; the script as a block
 * of no function compiles only if there is no `return` in it (what a function may have besides is let pass). */
export function expectUse({ text }, place) {
  const defines = !compiles(`${head(place)}${text}\n;let ${place.name};\n})`);
  if (!defines && compiles(`"use strict"; if (false) {\n${text}\n}`)) throw invalid(located(endOf(text), useless(place)));
}

const useless = (place) => `the script neither defines a function \`${place.name}\` nor returns a value`;

function compiles(text) {
  try {
    evaluate(text);
    return true;
  } catch {
    return false;
  }
}

/** Calls a compiled script with `values` for its parameters; throws a WIT failure where it gives no result. */
export function perform({ source, call }, place, values) {
  let defined;
  let result;
  let isPromise;
  try {
    result = call(...values, (found) => {
      defined = found;
    });
    if (typeof defined === "function") result = defined(...values);
    isPromise = typeof result === "object" && typeof result?.then === "function";
  } catch (error) {
    throw failure(error, source);
  }
  if (defined === null) throw invalid(useless(place));
  if (isPromise) throw invalid(`\`${place.name}\` is asynchronous: there is nothing that a script could wait for`);
  if (result === undefined) throw invalid(`\`${place.name}\` returned nothing: ${place.empty}`);
  return result;
}

/** What an exception of a script means. */
function failure(error, source) {
  if (error instanceof Retry) return { tag: "unavailable", val: words(error) };
  if (error instanceof Reject) return { tag: "rejected", val: words(error) };
  return invalid(located(runtimePlace(error, source), show(error)));
}

/** The message of an error that a script made on purpose. */
function words(error) {
  try {
    return String(error.message).toWellFormed();
  } catch {
    return "the reason cannot be shown";
  }
}

/** An exception in words. */
export function show(error) {
  try {
    // The engine throws null where there is no memory left for an error.
    if (error === null) return "out of memory, or the script threw null";
    if (!(error instanceof Error)) return `the script threw ${JSON.stringify(error) ?? String(error)}`;
    const { name, message } = error;
    return name === "Error" && message !== "" ? String(message) : `${name}: ${message}`;
  } catch {
    return "the script threw what cannot be shown";
  }
}
