// An action: a step of a workflow that scores a lead.
package main

import "my-plugin/tenterhook"

func init() {
	tenterhook.OnRun(run)
	tenterhook.OnDescribe(func() tenterhook.Description {
		return tenterhook.Description{
			Name:          "my-plugin",
			Version:       "0.1.0",
			Summary:       "Scores a lead.",
			ConfigSchema:  `{ "type": "null" }`,
			ExampleConfig: `null`,
			ExampleInput:  `{ "email": "anna@example.com", "contract_value": 12500 }`,
		}
	})
}

func main() {}
