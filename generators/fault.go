package generators

import (
	"slices"

	"retain/model"
)

// faultPart is how plans draw a kind of fault. Each kind's part stands in a file of its
// own, fault_NAME.go, and registers there.
type faultPart struct {
	role role
	// moments are where an operation can stand when the fault comes, in the order of
	// [Moments]: the situations that it makes. None if it meets no operation.
	moments []Moment
}

// role is how a fault comes into the plans that are drawn. The zero value is for a fault
// that only plans written by hand have.
type role int

const (
	_ role = iota
	// strike: it ends the server. Its trigger is an operation in flight, a gate, a milestone of
	// the start, or its place in the list.
	strike
	// aside: one plan in sixteen has it, twice at most, in place.
	aside
	// undo: it follows a fault, to bring the server or the service back.
	undo
	// disturbs: it is done to the service. Some plans have one or two.
	disturbs
)

var faultParts = map[model.FaultKind]faultPart{}

func registerFault(k model.FaultKind, p faultPart) model.FaultKind {
	faultParts[k] = p
	return k
}

// DrawsFault reports whether a kind of fault has registered how plans draw it. Never is
// one way.
func DrawsFault(k model.FaultKind) bool {
	_, known := faultParts[k]
	return known
}

// Faults lists the kinds of faults that meet operations, those of [Situations].
func Faults() []model.FaultKind {
	return faultsWhere(func(p faultPart) bool { return len(p.moments) > 0 }, nil)
}

// faultsIn lists the faults with a role, among some or, for nil, all.
func faultsIn(r role, among []model.FaultKind) []model.FaultKind {
	return faultsWhere(func(p faultPart) bool { return p.role == r }, among)
}

func faultsWhere(want func(faultPart) bool, among []model.FaultKind) []model.FaultKind {
	return slices.DeleteFunc(model.FaultKinds(), func(k model.FaultKind) bool {
		p, known := faultParts[k]
		return !known || !want(p) || among != nil && !slices.Contains(among, k)
	})
}
