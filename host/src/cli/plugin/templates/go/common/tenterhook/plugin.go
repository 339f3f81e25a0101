package tenterhook

// What the plugin does, for each export.
var (
	describe func() Description
	render   func(call Call, input []byte, base Request) (*Request, error)
	mapping  func(call Call, response Response) (Verdict, error)
	action   func(call Call, input []byte) ([]byte, error)
	verify   func(call Call, request InboundRequest, secrets []Secret) (Judgement, error)
)

// OnDescribe sets what the plugin says of itself.
func OnDescribe(f func() Description) { describe = f }

// OnRender makes the plugin a template. A nil request means: do not send, and call it done.
func OnRender(f func(call Call, input []byte, base Request) (*Request, error)) { render = f }

// OnMap makes the plugin a mapping.
func OnMap(f func(call Call, response Response) (Verdict, error)) { mapping = f }

// OnRun makes the plugin an action; input and result are JSON.
func OnRun(f func(call Call, input []byte) ([]byte, error)) { action = f }

// OnVerify makes the plugin a verifier.
func OnVerify(f func(call Call, request InboundRequest, secrets []Secret) (Judgement, error)) {
	verify = f
}

// Level is how important a log line is.
type Level uint8

// The levels.
const (
	Trace Level = iota
	Debug
	Info
	Warn
	Error
)
