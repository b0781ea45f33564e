package model

// Release lets go on what a [Stall] holds.
const Release FaultKind = "release"

var _ = registerFault(FaultSpec{Kind: Release, Order: 11, Service: true, From: []Condition{Stalling}, To: Ready})
