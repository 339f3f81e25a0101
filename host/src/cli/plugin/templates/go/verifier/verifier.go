package main

import (
	"crypto/subtle"
	"encoding/json"

	"my-plugin/tenterhook"
)

// judge takes calls that have the right token in a header, and answers challenges.
func judge(_ tenterhook.Call, request tenterhook.InboundRequest, secrets []tenterhook.Secret) (tenterhook.Judgement, error) {
	token := ""
	for _, secret := range secrets {
		if secret.Name == "token" {
			token = secret.Value
		}
	}
	if token == "" {
		return tenterhook.Judgement{}, tenterhook.Invalid("the trigger names no secret `token`")
	}
	tenterhook.Log(tenterhook.Debug, "a call")
	given, _ := tenterhook.Header(request.Headers, "x-token")
	if subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
		return tenterhook.Judgement{Refused: "x-token is missing or wrong"}, nil
	}
	var content struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(request.Body, &content); err == nil && content.Challenge != "" {
		return tenterhook.Judgement{Answer: &tenterhook.Response{Status: 200, Body: []byte(content.Challenge)}}, nil
	}
	id, _ := tenterhook.Header(request.Headers, "x-event-id")
	return tenterhook.Judgement{ID: id}, nil
}
