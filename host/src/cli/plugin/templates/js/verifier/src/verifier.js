// A verifier: takes calls that have the right token in a header, and answers challenges.

import { decode, encode } from "./utf8.js";

/** What a call is. */
export function judgement(request, secrets) {
  const token = secrets.find((secret) => secret.name === "token")?.value;
  if (!token) throw { tag: "invalid", val: "the trigger names no secret `token`" };
  if (!same(header(request, "x-token") ?? "", token)) return { tag: "refused", val: "x-token is missing or wrong" };
  const challenge = parsed(request.body)?.challenge;
  if (typeof challenge === "string") {
    return { tag: "answered", val: { status: 200, headers: [], body: encode(challenge) } };
  }
  return { tag: "accepted", val: { id: header(request, "x-event-id") ?? null, payload: null } };
}

function header(request, name) {
  return request.headers.find((field) => field.name.toLowerCase() === name)?.value;
}

/** Compares in a time that depends on the length alone, so that it tells nothing of the token. */
function same(a, b) {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at % b.length);
  return difference === 0;
}

function parsed(body) {
  try {
    return JSON.parse(decode(body));
  } catch {
    return null;
  }
}
