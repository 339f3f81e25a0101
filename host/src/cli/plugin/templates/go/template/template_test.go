package main

import (
	"testing"

	"my-plugin/tenterhook"
)

func TestALeadIsToldWithItsAddressIfItHasOne(t *testing.T) {
	for want, lead := range map[string]lead{
		"New lead: Anna (anna@example.com)": {Name: "Anna", Email: "anna@example.com"},
		"New lead: Anna":                    {Name: "Anna"},
	} {
		got, err := messageAbout(config{"#sales"}, lead)
		if err != nil || got.Text != want || got.Channel != "#sales" {
			t.Errorf("%v: got %v, %v", lead, got, err)
		}
	}
}

func TestTheRequestHasTheMessageAndItsType(t *testing.T) {
	base := tenterhook.Request{Headers: []tenterhook.Field{{Name: "Content-Type", Value: "x"}}}
	call := tenterhook.Call{Config: `{"channel":"#sales"}`}
	request, err := render(call, []byte(`{"name":"Zoë & <Co>"}`), base)
	if err != nil {
		t.Fatal(err)
	}
	if kind, _ := tenterhook.Header(request.Headers, "content-type"); kind != "application/json" {
		t.Error(request.Headers)
	}
	if want := `{"channel":"#sales","text":"New lead: Zoë & <Co>"}`; string(request.Body) != want {
		t.Errorf("got %s", request.Body)
	}
}

func TestALeadWithoutANameIsRefused(t *testing.T) {
	if _, err := messageAbout(config{}, lead{}); err == nil {
		t.Error("it is told")
	}
}
