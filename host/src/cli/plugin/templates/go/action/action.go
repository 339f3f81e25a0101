package main

import (
	"encoding/json"
	"strings"

	"my-plugin/tenterhook"
)

// lead is what of the task's `with` is used; what is missing or null counts nothing.
type lead struct {
	Email         string  `json:"email"`
	ContractValue float64 `json:"contract_value"`
}

// score is the task's output.
type score struct {
	Score   int    `json:"score"`
	Segment string `json:"segment"`
}

func scoreOf(lead lead) score {
	points := 0
	if strings.Contains(lead.Email, "@") {
		points += 40
	}
	switch {
	case lead.ContractValue >= 10_000:
		points += 60
	case lead.ContractValue >= 1_000:
		points += 30
	}
	if points >= 70 {
		return score{points, "hot"}
	}
	return score{points, "cold"}
}

// run scores a lead.
func run(_ tenterhook.Call, input []byte) ([]byte, error) {
	var lead lead
	if err := json.Unmarshal(input, &lead); err != nil {
		return nil, tenterhook.Invalid("input: %v", err)
	}
	result := scoreOf(lead)
	tenterhook.Log(tenterhook.Debug, "a "+result.Segment+" lead")
	return json.Marshal(result)
}
