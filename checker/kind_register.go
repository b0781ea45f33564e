package checker

import "retain/model"

var _ = registerKind(model.Register, kindPart{
	fast:    func(p part, _ search) (fast, Decision) { return decideRegister(p.records), ByZones },
	whyNot:  writtenTwice,
	machine: func(records []record, _ *deadline) machine { return newRegisterMachine(records, "") },
})
