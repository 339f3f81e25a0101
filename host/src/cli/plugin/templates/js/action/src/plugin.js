// What the server calls: `trigger-action` and `describe` of wit/plugin.wit.

import log from "tenterhook:plugin/log@0.1.0";
import { score } from "./action.js";

export const triggerAction = {
  run(call, input) {
    const result = score(JSON.parse(input));
    log.write("debug", `a ${result.segment} lead`);
    return JSON.stringify(result);
  },
};

export const describe = {
  describe() {
    return {
      name: "my-plugin",
      version: "0.1.0",
      summary: "Scores a lead.",
      configSchema: JSON.stringify({ type: "null" }),
      capabilities: [],
      exampleConfig: "null",
      exampleInput: JSON.stringify({ email: "anna@example.com", contract_value: 12500 }),
    };
  },
};
