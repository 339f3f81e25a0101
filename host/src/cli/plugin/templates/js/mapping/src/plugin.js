// What the server calls: `response-mapping` and `describe` of wit/plugin.wit.

import log from "tenterhook:plugin/log@0.1.0";
import { verdict } from "./mapping.js";

export const responseMapping = {
  map(call, response) {
    const result = verdict(response);
    log.write("debug", `status ${response.status}: ${result.tag}`);
    return result;
  },
};

export const describe = {
  describe() {
    return {
      name: "my-plugin",
      version: "0.1.0",
      summary: "Reads the answer of a help desk to a new ticket.",
      configSchema: JSON.stringify({ type: "null" }),
      capabilities: [],
      exampleConfig: "null",
      exampleInput: JSON.stringify({ id: "T-1042" }),
    };
  },
};
