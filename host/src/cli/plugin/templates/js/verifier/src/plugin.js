// What the server calls: `inbound-verifier` and `describe` of wit/plugin.wit.

import log from "tenterhook:plugin/log@0.1.0";
import { judgement } from "./verifier.js";

export const inboundVerifier = {
  verify(call, request, secrets) {
    const result = judgement(request, secrets);
    log.write("debug", result.tag);
    return result;
  },
};

export const describe = {
  describe() {
    return {
      name: "my-plugin",
      version: "0.1.0",
      summary: "Takes calls that have the right token.",
      configSchema: JSON.stringify({ type: "null" }),
      capabilities: [],
      exampleConfig: "null",
      exampleInput: JSON.stringify({
        headers: { "x-token": "example", "x-event-id": "e-1" },
        body: "{}",
        secrets: { token: "example" },
      }),
    };
  },
};
