// Package tenterhook stands between a plugin and the server that calls it. What the types mean is written in
// wit/deps/tenterhook-plugin/tenterhook.wit.
package tenterhook

import (
	"fmt"
	"strings"
)

// Field is one header line. Names compare without case.
type Field struct {
	Name  string
	Value string
}

// Request is an outbound request.
type Request struct {
	Method  string
	URL     string
	Headers []Field
	Body    []byte
}

// Response is a response as it was received.
type Response struct {
	Status  uint16
	Headers []Field
	Body    []byte
}

// Call is what a call is about. Config is JSON, `null` if there is none; Now is in milliseconds since the Unix epoch.
type Call struct {
	Space  string
	ID     string
	Now    uint64
	Config string
}

// Description is what a plugin says of itself. ConfigSchema and the examples are JSON.
type Description struct {
	Name          string
	Version       string
	Summary       string
	ConfigSchema  string
	Capabilities  []string
	ExampleConfig string
	ExampleInput  string
}

// VerdictKind is what a response means.
type VerdictKind uint8

// What a response can mean.
const (
	// Accepted: the call worked; the text is a JSON object of field values.
	Accepted VerdictKind = iota
	// Retry: the call may work later; the text is the reason.
	Retry
	// Failed: the call failed; the text is the reason.
	Failed
)

// Verdict is what a mapping makes of a response.
type Verdict struct {
	Kind VerdictKind
	Text string
}

// InboundRequest is a call of a trigger as it was received.
type InboundRequest struct {
	Method  string
	URL     string
	Headers []Field
	Body    []byte
}

// Secret is a secret of the trigger.
type Secret struct {
	Name  string
	Value string
}

// Judgement is what a verifier makes of a call: the first of Refused and Answer that is there counts; without both, the
// call is accepted.
type Judgement struct {
	// Refused is the reason for a refusal.
	Refused string
	// Answer is what the caller gets at once.
	Answer *Response
	// ID is the sender's name for the call, if it has one.
	ID string
	// Payload is JSON that the run gets in place of the decoded body, if any.
	Payload string
}

// Header is the value of the first header of this name, and whether there is one.
func Header(headers []Field, name string) (string, bool) {
	for _, field := range headers {
		if strings.EqualFold(field.Name, name) {
			return field.Value, true
		}
	}
	return "", false
}

// SetBody sets the body and its content type.
func (request *Request) SetBody(contentType string, body []byte) {
	headers := make([]Field, 0, len(request.Headers)+1)
	for _, field := range request.Headers {
		if !strings.EqualFold(field.Name, "content-type") {
			headers = append(headers, field)
		}
	}
	request.Headers = append(headers, Field{"content-type", contentType})
	request.Body = body
}

// FailureKind is why a plugin gives no result.
type FailureKind uint8

// Failure is an error that says what the server is to do.
type Failure struct {
	Kind   FailureKind
	Reason string
}

// Error is the reason.
func (failure *Failure) Error() string {
	return failure.Reason
}

// Invalid: the input or the configuration is not what the plugin takes.
func Invalid(format string, arguments ...any) error {
	return &Failure{0, fmt.Sprintf(format, arguments...)}
}

// Rejected: it will never work.
func Rejected(format string, arguments ...any) error {
	return &Failure{1, fmt.Sprintf(format, arguments...)}
}

// Unavailable: it may work later.
func Unavailable(format string, arguments ...any) error {
	return &Failure{2, fmt.Sprintf(format, arguments...)}
}

// TroubleKind is why a capability did not do what was asked.
type TroubleKind uint8

// Why a capability can refuse.
const (
	Denied TroubleKind = iota
	Missing
	InvalidArgument
	Exhausted
	NotNow
)

// Trouble is the error of a capability.
type Trouble struct {
	Kind TroubleKind
	Text string
}

// Error is the server's text.
func (trouble *Trouble) Error() string {
	return trouble.Text
}

// Outcome is what came of a call of a webhook: it failed for a reason, or there are a status and what the response
// mapping made of the answer, a JSON object.
type Outcome struct {
	Failed string
	Status uint16
	Fields string
}
