// A mapping: reads the answer of a help desk to a new ticket.
package main

import "my-plugin/tenterhook"

func init() {
	tenterhook.OnMap(verdict)
	tenterhook.OnDescribe(func() tenterhook.Description {
		return tenterhook.Description{
			Name:          "my-plugin",
			Version:       "0.1.0",
			Summary:       "Reads the answer of a help desk to a new ticket.",
			ConfigSchema:  `{ "type": "null" }`,
			ExampleConfig: `null`,
			ExampleInput:  `{ "id": "T-1042" }`,
		}
	})
}

func main() {}
