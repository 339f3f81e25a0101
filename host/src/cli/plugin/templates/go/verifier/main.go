// A verifier: takes calls that have the right token in a header, and answers challenges.
package main

import "my-plugin/tenterhook"

func init() {
	tenterhook.OnVerify(judge)
	tenterhook.OnDescribe(func() tenterhook.Description {
		return tenterhook.Description{
			Name:          "my-plugin",
			Version:       "0.1.0",
			Summary:       "Takes calls that have the right token.",
			ConfigSchema:  `{ "type": "null" }`,
			ExampleConfig: `null`,
			ExampleInput: `{
				"headers": { "x-token": "example", "x-event-id": "e-1" },
				"body": "{}",
				"secrets": { "token": "example" }
			}`,
		}
	})
}

func main() {}
