package model

// Crash kills the process of the service (SIGKILL) and starts it again at its address,
// where the suite started it; otherwise it does nothing.
const Crash FaultKind = "crash"

var _ = registerFault(FaultSpec{Kind: Crash, Noun: "crash of the service", Order: 12, Service: true, Process: true, From: []Condition{Ready}, To: Ready})
