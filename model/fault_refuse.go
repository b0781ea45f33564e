package model

// Refuse breaks every attempt and refuses connections to the service.
const Refuse FaultKind = "refuse"

var _ = registerFault(FaultSpec{Kind: Refuse, Noun: "refusal of the service", Order: 8, Service: true, From: []Condition{Ready}, To: Refusing, Undo: Accept, Stalls: true})
