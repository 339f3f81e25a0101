package main

import (
	"testing"

	"my-plugin/tenterhook"
)

func TestWhatALeadScores(t *testing.T) {
	for input, want := range map[string]string{
		`{"email":"anna@example.com","contract_value":12500}`: `{"score":100,"segment":"hot"}`,
		`{"email":null}`:          `{"score":0,"segment":"cold"}`,
		`{"contract_value":1000}`: `{"score":30,"segment":"cold"}`,
	} {
		got, err := run(tenterhook.Call{}, []byte(input))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v", input, got, err)
		}
	}
}

func TestWhatIsNoLeadIsRefused(t *testing.T) {
	if _, err := run(tenterhook.Call{}, []byte("[]")); err == nil {
		t.Error("a list has a score")
	}
}
