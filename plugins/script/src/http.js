// Requests and responses as scripts see them, and the way back to WIT.

import { decode, encode } from "./text.js";

/** Header lines, in order; names compare without case. */
export class Headers {
  #lines = [];

  /** From another `Headers`, an object of names and values, or pairs. */
  constructor(given = {}) {
    const pairs = typeof given[Symbol.iterator] === "function" ? given : Object.entries(given);
    for (const [name, value] of pairs) this.append(name, value);
  }

  /** From the host's list. */
  static fromWit(fields) {
    const headers = new Headers();
    headers.#lines = fields.map(({ name, value }) => [name, value]);
    return headers;
  }

  toWit() {
    return this.#lines.map(([name, value]) => ({ name, value }));
  }

  /** All values of a name, joined by `, `; null if there is none. */
  get(name) {
    const values = this.getAll(name);
    return values.length === 0 ? null : values.join(", ");
  }

  getAll(name) {
    const wanted = lower(name);
    return this.#lines.filter(([other]) => lower(other) === wanted).map(([, value]) => value);
  }

  has(name) {
    const wanted = lower(name);
    return this.#lines.some(([other]) => lower(other) === wanted);
  }

  append(name, value) {
    this.#lines.push([String(name).toWellFormed(), String(value).toWellFormed()]);
  }

  /** In place of all that there is of that name. */
  set(name, value) {
    this.delete(name);
    this.append(name, value);
  }

  delete(name) {
    const wanted = lower(name);
    this.#lines = this.#lines.filter(([other]) => lower(other) !== wanted);
  }

  [Symbol.iterator]() {
    return this.#lines.map((line) => [...line])[Symbol.iterator]();
  }

  toJSON() {
    return this.#lines;
  }
}

const lower = (name) => String(name).toLowerCase();

/** A body that was received. */
class Received {
  constructor({ headers, body }) {
    this.headers = Headers.fromWit(headers);
    this.body = body instanceof Uint8Array ? body : new Uint8Array(body);
  }

  text() {
    return decode(this.body);
  }

  json() {
    return JSON.parse(this.text());
  }

  /** The fields of a form (`application/x-www-form-urlencoded`). */
  form() {
    return parseForm(this.text());
  }
}

/** What a webhook answered. */
export class Response extends Received {
  constructor(wit) {
    super(wit);
    this.status = wit.status;
  }

  /** Whether the status is one of success. */
  get ok() {
    return this.status >= 200 && this.status < 300;
  }
}

/** A call of a trigger, as it was received. */
export class InboundRequest extends Received {
  constructor(wit) {
    super(wit);
    this.method = wit.method;
    this.url = wit.url;
  }

  /** The parameters of the URL. */
  get query() {
    const [, query = ""] = /^[^?#]*\?([^#]*)/.exec(this.url) ?? [];
    return parseForm(query);
  }
}

/** A request to be sent. */
export class OutboundRequest {
  constructor({ method, url, headers, body }) {
    this.method = method;
    this.url = url;
    this.headers = headers instanceof Headers ? headers : Headers.fromWit(headers);
    this.body = body;
  }

  /** A copy with changes: `method`, `url`, `headers` (each replaces those of its name), and one of `json`, `form`,
   * `text` and `body` (bytes). The first three set the content type, unless there is one. */
  with({ method = this.method, url = this.url, headers = {}, ...content }) {
    const copy = new OutboundRequest({ method, url, headers: new Headers(this.headers), body: this.body });
    const changed = new Headers(headers);
    for (const [name] of changed) copy.headers.delete(name);
    for (const [name, value] of changed) copy.headers.append(name, value);
    const { body, type } = encoded(content);
    if (body !== undefined) copy.body = body;
    if (type !== undefined && !copy.headers.has("content-type")) copy.headers.append("content-type", type);
    return copy;
  }

  toWit() {
    return {
      method: String(this.method).toWellFormed(),
      url: String(this.url).toWellFormed(),
      headers: new Headers(this.headers).toWit(),
      body: plain(this.body),
    };
  }

  toJSON() {
    throw new TypeError("a request is sent, it is not JSON: return it as it is");
  }
}

/** The answer of a verifier: `{ status, headers }` and one of `json`, `form`, `text` and `body`. */
export function answerOf({ status = 200, headers = {}, ...content }) {
  const lines = new Headers(headers);
  const { body = new Uint8Array(), type } = encoded(content);
  if (type !== undefined && !lines.has("content-type")) lines.append("content-type", type);
  if (!Number.isInteger(status) || status < 100 || status > 999) throw new TypeError("`status` is no status of HTTP");
  return { status, headers: lines.toWit(), body: plain(body) };
}

/** The body that is given in one of four ways, and its content type. */
function encoded({ json, form, text, body, ...others }) {
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw new TypeError(`\`${unknown}\` is nothing that can be set`);
  if (json !== undefined) return { body: encode(jsonOf(json)), type: "application/json" };
  if (form !== undefined) return { body: encode(writeForm(form)), type: "application/x-www-form-urlencoded" };
  if (text !== undefined) return { body: encode(String(text)), type: "text/plain; charset=utf-8" };
  return { body };
}

/** A value as JSON text. */
export function jsonOf(value) {
  if (ArrayBuffer.isView(value)) throw new TypeError("bytes have no JSON: a template gives them by `with({ body })`");
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`a ${typeof value} has no JSON`);
  return json;
}

/** The bytes of a body, which may be a text. */
function plain(body) {
  if (body === null || body === undefined) return new Uint8Array();
  if (typeof body === "string") return encode(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError("a body is a text or a Uint8Array: for other values there is `with({ json })`");
}

/** `application/x-www-form-urlencoded` (URL Standard). Arrays are fields of the same name; what is null is left out. */
function writeForm(fields) {
  return Object.entries(fields)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one) => [name, one]))
    .filter(([, value]) => value !== null && value !== undefined)
    .map((pair) => pair.map(escapeForm).join("="))
    .join("&");
}

function escapeForm(value) {
  const left = /[!'()~]|%20/g;
  const escape = (found) => (found === "%20" ? "+" : `%${found.charCodeAt(0).toString(16).toUpperCase()}`);
  return encodeURIComponent(String(value).toWellFormed()).replace(left, escape);
}

/** The fields of a form; the last one of a name counts. */
function parseForm(text) {
  const fields = Object.create(null);
  for (const pair of text.split("&").filter(Boolean)) {
    const [name, ...value] = pair.split("=").map(unescapeForm);
    fields[name] = value.join("=");
  }
  return fields;
}

function unescapeForm(text) {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
