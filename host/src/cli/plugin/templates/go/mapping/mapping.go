package main

import (
	"encoding/json"
	"fmt"

	"my-plugin/tenterhook"
)

// verdict is what the answer of a help desk to a new ticket means.
func verdict(_ tenterhook.Call, response tenterhook.Response) (tenterhook.Verdict, error) {
	answers := fmt.Sprintf("the help desk answers %d", response.Status)
	switch status := response.Status; {
	case status == 429 || status >= 500:
		return tenterhook.Verdict{Kind: tenterhook.Retry, Text: answers}, nil
	case status < 200 || status > 299:
		return tenterhook.Verdict{Kind: tenterhook.Failed, Text: answers}, nil
	}
	var answer struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(response.Body, &answer); err != nil || answer.ID == "" {
		return tenterhook.Verdict{Kind: tenterhook.Failed, Text: "the answer has no id"}, nil
	}
	fields, err := json.Marshal(map[string]string{"ticket": answer.ID})
	tenterhook.Log(tenterhook.Debug, "a ticket")
	return tenterhook.Verdict{Kind: tenterhook.Accepted, Text: string(fields)}, err
}
