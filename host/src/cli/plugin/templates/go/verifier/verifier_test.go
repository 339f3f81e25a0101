package main

import (
	"testing"

	"my-plugin/tenterhook"
)

func judged(t *testing.T, token, body string) tenterhook.Judgement {
	headers := []tenterhook.Field{{Name: "X-Token", Value: token}, {Name: "x-event-id", Value: "e-1"}}
	request := tenterhook.InboundRequest{Headers: headers, Body: []byte(body)}
	judgement, err := judge(tenterhook.Call{}, request, []tenterhook.Secret{{Name: "token", Value: "right"}})
	if err != nil {
		t.Fatal(err)
	}
	return judgement
}

func TestTheRightTokenIsAcceptedUnderTheSendersID(t *testing.T) {
	if got := judged(t, "right", "{}"); got.Refused != "" || got.Answer != nil || got.ID != "e-1" {
		t.Errorf("got %v", got)
	}
}

func TestAnotherTokenIsRefused(t *testing.T) {
	for _, token := range []string{"", "wrong", "rightright"} {
		if got := judged(t, token, "{}"); got.Refused != "x-token is missing or wrong" {
			t.Errorf("%q: got %v", token, got)
		}
	}
}

func TestAChallengeIsAnswered(t *testing.T) {
	if got := judged(t, "right", `{"challenge":"abc"}`); got.Answer == nil || string(got.Answer.Body) != "abc" {
		t.Errorf("got %v", got)
	}
}

func TestWithoutTheSecretNothingIsAccepted(t *testing.T) {
	if _, err := judge(tenterhook.Call{}, tenterhook.InboundRequest{}, nil); err == nil {
		t.Error("it is judged")
	}
}
