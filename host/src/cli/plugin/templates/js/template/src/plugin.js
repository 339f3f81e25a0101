// What the server calls: `payload-template` and `describe` of wit/plugin.wit.

import log from "tenterhook:plugin/log@0.1.0";
import { message, request } from "./template.js";

export const payloadTemplate = {
  render(call, input, base) {
    const config = JSON.parse(call.config);
    const body = message(config, JSON.parse(input));
    log.write("info", `a message for ${config.channel}`);
    return request(base, body);
  },
};

export const describe = {
  describe() {
    return {
      name: "my-plugin",
      version: "0.1.0",
      summary: "Tells a chat channel about a lead.",
      configSchema: JSON.stringify({
        type: "object",
        properties: { channel: { type: "string" } },
        required: ["channel"],
        additionalProperties: false,
      }),
      capabilities: [],
      exampleConfig: JSON.stringify({ channel: "#sales" }),
      exampleInput: JSON.stringify({ name: "Anna", email: "anna@example.com" }),
    };
  },
};
