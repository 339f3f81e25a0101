// A template: tells a chat channel about a lead.
package main

import "my-plugin/tenterhook"

func init() {
	tenterhook.OnRender(render)
	tenterhook.OnDescribe(func() tenterhook.Description {
		return tenterhook.Description{
			Name:    "my-plugin",
			Version: "0.1.0",
			Summary: "Tells a chat channel about a lead.",
			ConfigSchema: `{
				"type": "object",
				"properties": { "channel": { "type": "string" } },
				"required": ["channel"],
				"additionalProperties": false
			}`,
			ExampleConfig: `{ "channel": "#sales" }`,
			ExampleInput:  `{ "name": "Anna", "email": "anna@example.com" }`,
		}
	})
}

func main() {}
