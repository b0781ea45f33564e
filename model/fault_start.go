package model

// Start starts a server that is down.
const Start FaultKind = "start"

var _ = registerFault(FaultSpec{Kind: Start, Order: 3, From: []Condition{Down}, To: Ready})
