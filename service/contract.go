package service

import (
	"maps"
	"slices"
	"strings"
)

// HandlerType says how a handler runs.
type HandlerType string

// Handlers of an object run one at a time (exclusive) or beside each other
// (shared, reading only).
const (
	Exclusive HandlerType = "exclusive"
	Shared    HandlerType = "shared"
)

// Private is the type of a handler that the ingress refuses to call, whatever else it is.
const Private HandlerType = "private"

// Limited is the type of a handler whose retry policy gives up before an outage of the server
// or of the handlers ends, whatever else it is: its calls are then killed or paused.
const Limited HandlerType = "limited"

// enoughAttempts is how many attempts outlast an outage, with pauses of up to half a second
// between them, as the suite configures the server.
const enoughAttempts = 100

// GivesUp reports whether a retry policy of handlers, with so many attempts, ends during an
// outage. Without a number it is the server's own, which never ends here.
func GivesUp(attempts *int) bool { return attempts != nil && *attempts < enoughAttempts }

// Contract is the handlers of a deployment as its own discovery describes them,
// by "Service/handler", for example "Counter/get": [Shared]. Handlers that are
// neither exclusive nor shared (plain services, workflows) have the type that
// the server gives them, in lower case, or "".
type Contract map[string]HandlerType

// Serves reports whether the deployment has a handler that runs one at a time or
// shared, which is what a virtual object has, and that clients may call.
func (c Contract) Serves(service, handler string) bool {
	t := c[service+"/"+handler]
	return t == Exclusive || t == Shared
}

// Shared lists the handlers that run beside each other, as "Counter/get", sorted.
func (c Contract) Shared() []string {
	var out []string
	for name, t := range c {
		if t == Shared {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Services are the names of the services, sorted.
func (c Contract) Services() []string {
	names := map[string]bool{}
	for name := range c {
		service, _, _ := strings.Cut(name, "/")
		names[service] = true
	}
	return slices.Sorted(maps.Keys(names))
}
