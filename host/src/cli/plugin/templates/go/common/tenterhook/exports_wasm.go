package tenterhook

import "errors"

// resultBytes is the size of the largest result.
const resultBytes = 64

//go:wasmexport tenterhook:plugin/describe@0.1.0#describe
func exportDescribe() uint32 {
	said := describe()
	result := newArea(resultBytes)
	result.setText(0, said.Name)
	result.setText(8, said.Version)
	result.setText(16, said.Summary)
	result.setText(24, said.ConfigSchema)
	capabilities := newArea(uintptr(len(said.Capabilities)) * 8)
	for i, name := range said.Capabilities {
		capabilities.setText(uintptr(i)*8, name)
	}
	*result.word(32), *result.word(36) = capabilities.address(), uint32(len(said.Capabilities))
	result.setText(40, said.ExampleConfig)
	result.setText(48, said.ExampleInput)
	return result.address()
}

//go:wasmexport tenterhook:plugin/payload-template@0.1.0#render
func exportRender(arguments uint32) uint32 {
	a := areaAt(arguments)
	base := Request{Method: a.text(40), URL: a.text(48), Headers: a.fields(56), Body: a.bytes(64)}
	request, err := render(callAt(a), a.bytes(32), base)
	result := newArea(resultBytes)
	switch {
	case err != nil:
		result.setFailure(err)
	case request != nil:
		*result.byte(4) = 1
		result.setText(8, request.Method)
		result.setText(16, request.URL)
		result.setFields(24, request.Headers)
		result.setBytes(32, request.Body)
	}
	return result.address()
}

//go:wasmexport tenterhook:plugin/response-mapping@0.1.0#map
func exportMap(space, spaceLen, id, idLen uint32, now uint64, config, configLen uint32,
	status, headers, headersLen, body, bodyLen uint32) uint32 {
	call := Call{textAt(space, spaceLen), textAt(id, idLen), now, textAt(config, configLen)}
	verdict, err := mapping(call, Response{uint16(status), fieldsAt(headers, headersLen), bytesAt(body, bodyLen)})
	result := newArea(resultBytes)
	if err != nil {
		result.setFailure(err)
		return result.address()
	}
	*result.byte(4) = uint8(verdict.Kind)
	result.setText(8, verdict.Text)
	return result.address()
}

//go:wasmexport tenterhook:plugin/trigger-action@0.1.0#run
func exportRun(space, spaceLen, id, idLen uint32, now uint64, config, configLen uint32,
	input, inputLen uint32) uint32 {
	call := Call{textAt(space, spaceLen), textAt(id, idLen), now, textAt(config, configLen)}
	output, err := action(call, bytesAt(input, inputLen))
	result := newArea(resultBytes)
	if err != nil {
		result.setFailure(err)
		return result.address()
	}
	result.setBytes(4, output)
	return result.address()
}

//go:wasmexport tenterhook:plugin/inbound-verifier@0.1.0#verify
func exportVerify(arguments uint32) uint32 {
	a := areaAt(arguments)
	request := InboundRequest{Method: a.text(32), URL: a.text(40), Headers: a.fields(48), Body: a.bytes(56)}
	secrets := make([]Secret, 0, *a.word(68))
	for _, field := range a.fields(64) {
		secrets = append(secrets, Secret(field))
	}
	judgement, err := verify(callAt(a), request, secrets)
	result := newArea(resultBytes)
	switch {
	case err != nil:
		result.setFailure(err)
	case judgement.Refused != "":
		*result.byte(4) = 1
		result.setText(8, judgement.Refused)
	case judgement.Answer != nil:
		*result.byte(4) = 2
		*result.half(8) = judgement.Answer.Status
		result.setFields(12, judgement.Answer.Headers)
		result.setBytes(20, judgement.Answer.Body)
	default:
		result.setOption(8, judgement.ID)
		result.setOption(20, judgement.Payload)
	}
	return result.address()
}

// callAt reads the call at the head of a function's arguments.
func callAt(a area) Call {
	return Call{Space: a.text(0), ID: a.text(8), Now: *a.double(16), Config: a.text(24)}
}

// setFailure makes a result an error.
func (a area) setFailure(err error) {
	failure := &Failure{1, err.Error()}
	errors.As(err, &failure)
	*a.byte(0) = 1
	*a.byte(4) = uint8(failure.Kind)
	a.setText(8, failure.Reason)
}
