package harness

import (
	"fmt"
	"slices"
	"strings"

	"retain/generators"
	"retain/model"
	"retain/service"
)

// Unserved is what a contract lacks of what plans are drawn from. A kind of objects needs the
// handlers that read it whole; other handlers may be missing one by one.
func Unserved(c service.Contract) generators.Exclusions {
	var out generators.Exclusions
	for _, k := range model.Kinds() {
		if lacks := unreadable(c, k); lacks != "" {
			out = append(out, generators.Exclusion{What: generators.ExcludedObject, Name: string(k), Reason: lacks})
			continue
		}
		for _, name := range generators.Names() {
			if !strings.HasPrefix(name, string(k)+" ") {
				continue
			}
			for _, handler := range generators.HandlersOf(name) {
				if !c.Serves(k.Service(), handler) {
					out = append(out, generators.Exclusion{
						What: generators.ExcludedOperation, Name: name, Reason: unservedReason(c, k.Service()+"/"+handler, ""),
					})
					break
				}
			}
		}
	}
	return out.Complete()
}

// WithoutProcess is what plans are not drawn with where the suite did not start the process of
// the handlers ([System].Service is nil): it can't kill or freeze that.
func WithoutProcess() (out generators.Exclusions) {
	for _, k := range model.FaultKinds() {
		if k.Spec().Process && !k.Undoes() {
			out = append(out, generators.Exclusion{What: generators.ExcludedFault, Name: string(k), Reason: "retain did not start the handlers' process"})
		}
	}
	return out
}

// unreadable says which handler lacks to read objects of a kind, "" for none.
func unreadable(c service.Contract, k model.Kind) string {
	for _, op := range k.Spec().WholeReads(nil) {
		if !c.Serves(k.Service(), op.Handler()) {
			if !slices.Contains(c.Services(), k.Service()) {
				return "the deployment does not serve " + k.Service()
			}
			return unservedReason(c, k.Service()+"/"+op.Handler(), ", which shows what an object has")
		}
	}
	return ""
}

// unservedReason says why plans can't call a handler, which does what.
func unservedReason(c service.Contract, handler, what string) string {
	switch c[handler] {
	case service.Private:
		return "the ingress may not call " + handler + what + ": the deployment says that it is private"
	case service.Limited:
		return "an outage outlasts the retry policy of " + handler + what + ": set no limit to its attempts for the test"
	}
	return "the deployment does not serve " + handler + what
}

// checkServed returns an error if a plan calls what the deployment does not serve, as far as
// that is known.
func (s *System) checkServed(p generators.Plan) error {
	if s.Contract == nil {
		return nil
	}
	for _, e := range Unserved(s.Contract).In(p) {
		return fmt.Errorf("the plan has %s %s: %s", e.What, e.Name, e.Reason)
	}
	return nil
}
