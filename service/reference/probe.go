package reference

import (
	"crypto/rand"

	restate "github.com/restatedev/sdk-go"
)

// ProbeService is the virtual object whose calls show readiness. Its one handler is
// [ProbeHandler]; a call with the key of an object goes to that object's partition.
const ProbeService = "RetainCanary"

// ProbeHandler is the exclusive handler of [ProbeService]. It has no input and
// returns {"nonce": "..."}.
const ProbeHandler = "ping"

// probeAnswer is the answer to a probe.
type probeAnswer struct {
	Nonce string `json:"nonce"`
}

func probe(nonce string) restate.ServiceDefinition {
	ping := func(restate.ObjectContext, restate.Void) (probeAnswer, error) {
		return probeAnswer{Nonce: nonce}, nil
	}
	return restate.NewObject(ProbeService).Handler(ProbeHandler, restate.NewObjectHandler(ping))
}

// NewNonce draws a nonce: 26 letters and digits that no other deployment knows.
func NewNonce() string { return rand.Text() }
