package checker

import "retain/model"

var _ = registerKind(model.List, listPart)

var listPart = kindPart{
	fast:   func(p part, budget search) (fast, Decision) { return decideList(p.records, budget), ByPrefix },
	whyNot: func(part) string { return "elements were appended more than once" },
	machine: func(records []record, clock *deadline) machine {
		if t := newTrie(records, clock); t != nil {
			return t
		}
		return nil
	},
}
