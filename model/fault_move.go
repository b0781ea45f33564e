package model

// Move kills the process of the service and starts it again at another address, where
// the suite started it; otherwise it does nothing.
const Move FaultKind = "move"

var _ = registerFault(FaultSpec{Kind: Move, Noun: "move of the service", Order: 13, Service: true, Process: true, From: []Condition{Ready}, To: Ready})
