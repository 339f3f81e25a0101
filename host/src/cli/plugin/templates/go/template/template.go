package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"my-plugin/tenterhook"
)

// config is the configuration, at each place of use.
type config struct {
	Channel string `json:"channel"`
}

// lead is what of the event or call data is used.
type lead struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// message is a message of a chat.
type message struct {
	Channel string `json:"channel"`
	Text    string `json:"text"`
}

// messageAbout is the message about a lead.
func messageAbout(config config, lead lead) (message, error) {
	if lead.Name == "" {
		return message{}, tenterhook.Invalid("input: `name` is missing")
	}
	text := "New lead: " + lead.Name
	if lead.Email != "" {
		text += fmt.Sprintf(" (%s)", lead.Email)
	}
	return message{config.Channel, text}, nil
}

// render tells a chat channel about a lead.
func render(call tenterhook.Call, input []byte, base tenterhook.Request) (*tenterhook.Request, error) {
	var config config
	if err := json.Unmarshal([]byte(call.Config), &config); err != nil {
		return nil, tenterhook.Invalid("config: %v", err)
	}
	var lead lead
	if err := json.Unmarshal(input, &lead); err != nil {
		return nil, tenterhook.Invalid("input: %v", err)
	}
	message, err := messageAbout(config, lead)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(message); err != nil {
		return nil, err
	}
	tenterhook.Log(tenterhook.Info, "a message for "+config.Channel)
	base.SetBody("application/json", bytes.TrimSpace(body.Bytes()))
	return &base, nil
}
