package simulated

import (
	"cmp"

	"retain/model"
	"retain/service"
)

// probeService is the object whose exclusive handler "ping" answers the nonce.
const probeService = "RetainCanary"

// handler is one handler of the deployment.
type handler struct {
	service, name string
	shared        bool
	// input and output describe the bodies as the admin API does; "none" for none.
	input, output string
}

func (h *handler) takesInput() bool { return h.input != none }

const none = "none"

// handlers are those of every kind of object and the probe's.
var handlers = append(contract(), handler{probeService, "ping", false, none, "JSON object"})

// contract lists the handlers of every kind of object, kind by kind.
func contract() []handler {
	var out []handler
	for _, k := range model.Kinds() {
		spec := k.Spec()
		for _, h := range spec.Handlers {
			out = append(out, handler{spec.Service, h.Name, h.Shared, cmp.Or(h.Input, none), cmp.Or(h.Output, none)})
		}
	}
	return out
}

// Contract is the handlers of the deployment.
func Contract() service.Contract {
	out := service.Contract{}
	for _, h := range handlers {
		out[h.service+"/"+h.name] = service.Exclusive
		if h.shared {
			out[h.service+"/"+h.name] = service.Shared
		}
	}
	return out
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
	if h.service == probeService {
		return ping{nonce: nonce}
	}
	op, err := model.ParseRequest(h.service, h.name, body)
	if err != nil {
		return unreadable{message: "request could not be decoded into handler input type: " + err.Error()}
	}
	return model.Executed(op) // what the key is good for is in the store
}

// ping is the probe's operation. It has no state.
type ping struct{ nonce string }

// pong is its answer.
type pong string

// Kind is none: no object is probed.
func (ping) Kind() model.Kind { return "" }

// Handler is "ping".
func (ping) Handler() string { return "ping" }

// ReadOnly is true.
func (ping) ReadOnly() bool { return true }

// String prints "ping()".
func (ping) String() string { return "ping()" }

// Apply answers the nonce.
func (p ping) Apply(s model.State) (model.State, model.Answer) { return s, pong(p.nonce) }

// Request is nil.
func (ping) Request() []byte { return nil }

// Decode accepts any body.
func (ping) Decode(body []byte) (model.Answer, error) { return pong(body), nil }

// String is the nonce.
func (p pong) String() string { return string(p) }

// Equal compares the nonces.
func (p pong) Equal(a model.Answer) bool { return a == model.Answer(p) }

// unreadable is an operation whose input the handler can't read: it fails for
// good.
type unreadable struct{ message string }

// Kind is none: no object answers it.
func (unreadable) Kind() model.Kind { return "" }

// Handler is none.
func (unreadable) Handler() string { return "" }

// ReadOnly is true.
func (unreadable) ReadOnly() bool { return true }

// String prints "unreadable()".
func (unreadable) String() string { return "unreadable()" }

// Apply answers the failure.
func (u unreadable) Apply(s model.State) (model.State, model.Answer) {
	return s, model.Failure{Code: 400, Message: u.message}
}

// Request is nil.
func (unreadable) Request() []byte { return nil }

// Decode answers the failure.
func (u unreadable) Decode([]byte) (model.Answer, error) {
	return model.Failure{Code: 400, Message: u.message}, nil
}
