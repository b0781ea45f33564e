package model

// Stall holds all that the server and its handlers send each other where it is. Connections
// stay open.
const Stall FaultKind = "stall"

var _ = registerFault(FaultSpec{Kind: Stall, Noun: "stall of the service", Order: 10, Service: true, From: []Condition{Ready}, To: Stalling, Undo: Release, Stalls: true})
