package main

import (
	"testing"

	"my-plugin/tenterhook"
)

func TestWhatAnAnswerMeans(t *testing.T) {
	for _, c := range []struct {
		status uint16
		body   string
		want   tenterhook.Verdict
	}{
		{201, `{"id":"T-7"}`, tenterhook.Verdict{Kind: tenterhook.Accepted, Text: `{"ticket":"T-7"}`}},
		{503, "busy", tenterhook.Verdict{Kind: tenterhook.Retry, Text: "the help desk answers 503"}},
		{404, "", tenterhook.Verdict{Kind: tenterhook.Failed, Text: "the help desk answers 404"}},
		{200, "{}", tenterhook.Verdict{Kind: tenterhook.Failed, Text: "the answer has no id"}},
		{200, "<html>", tenterhook.Verdict{Kind: tenterhook.Failed, Text: "the answer has no id"}},
	} {
		got, err := verdict(tenterhook.Call{}, tenterhook.Response{Status: c.status, Body: []byte(c.body)})
		if err != nil || got != c.want {
			t.Errorf("%d %s: got %v, %v", c.status, c.body, got, err)
		}
	}
}
