package model

// Thaw lets a process of the service go on that is frozen (SIGCONT).
const Thaw FaultKind = "thaw"

var _ = registerFault(FaultSpec{Kind: Thaw, Order: 15, Service: true, Process: true, From: []Condition{Frozen}, To: Ready})
