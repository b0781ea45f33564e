// Package catalogue joins the parts that the layers have of each fault and of each kind
// of object. A part stands in a file of its own in its layer and registers there; here is
// the one place that may import all layers, and that knows which part is missing.
package catalogue

import (
	"fmt"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/report"
	"retain/service/reference"
)

// part is what a layer has of a fault or of a kind of object.
type part[K ~string] struct {
	layer string // its directory
	does  string // what is missing without it
	has   func(K) bool
}

// faultParts are the layers of a fault, in the order in which they are written.
var faultParts = []part[model.FaultKind]{
	{"model", "where it applies and what it leaves", func(k model.FaultKind) bool { return len(k.Spec().From) > 0 }},
	{"generators", "how plans draw it and where it meets operations", generators.DrawsFault},
	{"harness", "what it does to a runtime", harness.CarriesOut},
	{"report", "its form and its colour", report.ShowsFault},
}

// kindParts are the layers of a kind of object. The checker needs none, and the
// simulated runtime has the model's.
var kindParts = []part[model.Kind]{
	{"model", "its specification", func(k model.Kind) bool { return len(k.Spec().Missing()) == 0 }},
	{"generators", "how plans draw its operations", generators.DrawsKind},
	{"service/reference", "its handlers", reference.Serves},
}

// Missing says for each part that is missing which file to add. There is none in a tree
// whose tests pass.
func Missing() []string {
	var out []string
	for _, k := range model.FaultKinds() {
		out = append(out, missing("fault", k, faultParts)...)
	}
	for _, k := range model.Kinds() {
		out = append(out, missing("kind", k, kindParts)...)
	}
	return out
}

func missing[K ~string](what string, name K, parts []part[K]) []string {
	var out []string
	for _, p := range parts {
		if !p.has(name) {
			out = append(out, fmt.Sprintf("add %s/%s_%s.go: %s", p.layer, what, name, p.does))
		}
	}
	return out
}
