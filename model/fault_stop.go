package model

// Stop asks the server to end (SIGTERM). It drains first.
const Stop FaultKind = "stop"

var _ = registerFault(FaultSpec{Kind: Stop, Order: 1, From: []Condition{Ready, Starting}, To: Down, Undo: Start, Drains: true})
