// A template: tells a chat channel about a lead.

import { encode } from "./utf8.js";

/** The message about a lead. */
export function message(config, lead) {
  if (typeof lead?.name !== "string") throw { tag: "invalid", val: "input: `name` is missing" };
  const address = lead.email ? ` (${lead.email})` : "";
  return { channel: config.channel, text: `New lead: ${lead.name}${address}` };
}

/** `base` with the message as its body. */
export function request(base, message) {
  const headers = base.headers.filter((field) => field.name.toLowerCase() !== "content-type");
  headers.push({ name: "content-type", value: "application/json" });
  return { ...base, headers, body: encode(JSON.stringify(message)) };
}
