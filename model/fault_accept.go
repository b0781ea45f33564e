package model

// Accept lets a service that refuses connections accept them again.
const Accept FaultKind = "accept"

var _ = registerFault(FaultSpec{Kind: Accept, Order: 9, Service: true, From: []Condition{Refusing}, To: Ready})
