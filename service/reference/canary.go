package reference

import (
	"crypto/rand"

	restate "github.com/restatedev/sdk-go"
)

// CanaryService is the name of the canary's object. Its one handler is
// [CanaryHandler]; a canary with the key of an object is in that object's
// partition.
const CanaryService = "RetainCanary"

// CanaryHandler is the canary's exclusive handler: no input, and
// {"nonce": "..."} as its answer.
const CanaryHandler = "ping"

// canaryAnswer is the answer of RetainCanary.ping.
type canaryAnswer struct {
	Nonce string `json:"nonce"`
}

func canary(nonce string) restate.ServiceDefinition {
	ping := func(restate.ObjectContext, restate.Void) (canaryAnswer, error) {
		return canaryAnswer{Nonce: nonce}, nil
	}
	return restate.NewObject(CanaryService).Handler(CanaryHandler, restate.NewObjectHandler(ping))
}

// NewNonce draws a nonce: 26 letters and digits that no other deployment knows.
func NewNonce() string { return rand.Text() }
