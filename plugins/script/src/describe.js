// What the plugin says of itself.

import { SCRIPT_MAX } from "./places.js";

const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: {
    // The media type tells the server which member `check` is about.
    script: { type: "string", maxLength: SCRIPT_MAX, contentMediaType: "text/javascript" },
    config: { description: "For the script: `call.config`." },
    check: { type: "boolean", default: false, description: "Checks the script and calls nothing." },
  },
  required: ["script"],
  additionalProperties: false,
};

const example = `export function render(input, base) {
  const { first_name, company } = input.record;
  return { text: \`New lead: \${first_name} of \${company}\` };
}`;

export const description = {
  name: "script",
  // Built-in plugins have the server's version; this one is of the interface of scripts.
  version: "0.1.0",
  summary: "Runs JavaScript that is given as text.",
  configSchema: JSON.stringify(schema),
  capabilities: [],
  exampleConfig: JSON.stringify({ script: example }),
  exampleInput: JSON.stringify({ record: { first_name: "Anna", company: "Fjord AB" } }),
};
