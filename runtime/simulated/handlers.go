package simulated

import "retain/model"

// canaryService is the object whose exclusive handler "ping" answers the nonce.
const canaryService = "RetainCanary"

// handler is one handler of the deployment.
type handler struct {
	service, name string
	shared        bool
	// input and output describe the bodies as the admin API does; "none" for none.
	input, output string
}

func (h *handler) takesInput() bool { return h.input != none }

const none = "none"

// handlers are those of the reference service, with its kinds.
var handlers = []handler{
	{"Counter", "add", false, "JSON integer", "JSON object"},
	{"Counter", "addThenFail", false, "JSON integer", none},
	{"Counter", "get", true, none, "JSON integer"},
	{"Counter", "reset", false, none, none},
	{"MapObject", "set", false, "JSON object", none},
	{"MapObject", "get", false, "JSON string", "JSON string"},
	{"MapObject", "clearAll", false, none, "JSON array"},
	{"ListObject", "append", false, "JSON string", none},
	{"ListObject", "get", false, none, "JSON array"},
	{"ListObject", "clear", false, none, "JSON array"},
	{"Register", "read", true, none, "JSON string"},
	{"Register", "readExclusive", false, none, "JSON string"},
	{"Register", "write", false, "JSON string", none},
	{"Register", "compareAndSet", false, "JSON object", "JSON string"},
	{"Register", "clear", false, none, none},
	{canaryService, "ping", false, none, "JSON object"},
}

// Shared lists the handlers that are served as shared ones, as "Counter/get".
func Shared() []string {
	var shared []string
	for _, h := range handlers {
		if h.shared {
			shared = append(shared, h.service+"/"+h.name)
		}
	}
	return shared
}

// services lists the services, each once.
func services() []string {
	var names []string
	for _, h := range handlers {
		if len(names) == 0 || names[len(names)-1] != h.service {
			names = append(names, h.service)
		}
	}
	return names
}

// find is the handler, nil if there is none; service reports whether at least
// the service exists.
func find(service, name string) (h *handler, serviceExists bool) {
	for i := range handlers {
		if handlers[i].service == service {
			serviceExists = true
			if handlers[i].name == name {
				return &handlers[i], true
			}
		}
	}
	return nil, serviceExists
}

// parse is what a request asks for. A body that the handler can't read asks for
// the failure that the SDK answers.
func (h *handler) parse(body []byte, nonce string) model.Operation {
	if h.service == canaryService {
		return ping{nonce: nonce}
	}
	op, err := model.ParseRequest(h.service, h.name, body)
	if err != nil {
		return unreadable{message: "request could not be decoded into handler input type: " + err.Error()}
	}
	return op
}

// ping is the canary's operation. It has no state.
type ping struct{ nonce string }

// pong is its answer.
type pong string

func (ping) Kind() model.Kind                                  { return "" }
func (ping) Handler() string                                   { return "ping" }
func (ping) ReadOnly() bool                                    { return true }
func (ping) String() string                                    { return "ping()" }
func (p ping) Apply(s model.State) (model.State, model.Answer) { return s, pong(p.nonce) }
func (ping) Request() []byte                                   { return nil }
func (ping) Decode(body []byte) (model.Answer, error)          { return pong(body), nil }
func (p pong) String() string                                  { return string(p) }
func (p pong) Equal(a model.Answer) bool                       { return a == model.Answer(p) }

// unreadable is an operation whose input the handler can't read: it fails for
// good.
type unreadable struct{ message string }

func (unreadable) Kind() model.Kind { return "" }
func (unreadable) Handler() string  { return "" }
func (unreadable) ReadOnly() bool   { return true }
func (unreadable) String() string   { return "unreadable()" }
func (u unreadable) Apply(s model.State) (model.State, model.Answer) {
	return s, model.Failure{Code: 400, Message: u.message}
}
func (unreadable) Request() []byte { return nil }
func (u unreadable) Decode([]byte) (model.Answer, error) {
	return model.Failure{Code: 400, Message: u.message}, nil
}

// commands reports whether the handler changes state on this state: whether it
// sends the runtime any state command, be it without effect.
func commands(op model.Operation, s model.State) bool {
	switch op := op.(type) {
	case model.CounterAdd:
		return true // add(0) sets the same value
	case model.RegisterCompareAndSet:
		return string(s.(model.RegisterState)) == op.Expect
	}
	return !op.ReadOnly()
}

// reads reports whether the operation is a read: nothing but an answer.
func reads(op model.Operation) bool {
	switch op.(type) {
	case model.CounterGet, model.RegisterRead, model.MapGet, model.ListGet:
		return true
	}
	return false
}

// clears reports whether the operation empties its object.
func clears(op model.Operation) bool {
	switch op.(type) {
	case model.CounterReset, model.RegisterClear, model.MapClearAll, model.ListClear:
		return true
	}
	return false
}
