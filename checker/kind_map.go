package checker

import "retain/model"

var _ = registerKind(model.Map, kindPart{
	parts: entriesAndWhole,
	fast: func(p part, _ search) (fast, Decision) {
		if p.name == "" {
			return fast{}, ""
		}
		return decideRegister(p.records), ByZones
	},
	whyNot: func(p part) string {
		if p.name == "" {
			return "clearAll joins the map's entries"
		}
		return writtenTwice(p)
	},
	machine: func(records []record, _ *deadline) machine {
		if key, single := singleKey(records); single {
			return newRegisterMachine(records, key)
		}
		return newTree(records)
	},
})
