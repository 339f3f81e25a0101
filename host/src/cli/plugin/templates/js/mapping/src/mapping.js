// A mapping: reads the answer of a help desk to a new ticket.

import { decode } from "./utf8.js";

/** What an answer means. */
export function verdict(response) {
  const { status } = response;
  if (status === 429 || status >= 500) return { tag: "retry", val: `the help desk answers ${status}` };
  if (status < 200 || status > 299) return { tag: "failed", val: `the help desk answers ${status}` };
  const id = parsed(response.body)?.id;
  if (typeof id !== "string") return { tag: "failed", val: "the answer has no id" };
  return { tag: "accepted", val: JSON.stringify({ ticket: id }) };
}

function parsed(body) {
  try {
    return JSON.parse(decode(body));
  } catch {
    return null;
  }
}
