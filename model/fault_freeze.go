package model

// Freeze freezes the process of the service (SIGSTOP), where the suite started it; otherwise
// it does nothing.
const Freeze FaultKind = "freeze"

var _ = registerFault(FaultSpec{Kind: Freeze, Noun: "freeze of the service", Order: 14, Service: true, Process: true, From: []Condition{Ready}, To: Frozen, Undo: Thaw, Stalls: true})
