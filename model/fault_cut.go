package model

// Cut breaks the stream between the server and a handler, for one attempt: before the handler
// has seen anything of it, or after its effect and within its answer.
const Cut FaultKind = "cut"

var _ = registerFault(FaultSpec{Kind: Cut, Noun: "cut attempt", Order: 6, Service: true, From: []Condition{Ready}, To: Ready})
