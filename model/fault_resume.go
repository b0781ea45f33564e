package model

// Resume thaws a server that is paused (SIGCONT).
const Resume FaultKind = "resume"

var _ = registerFault(FaultSpec{Kind: Resume, Order: 5, From: []Condition{Paused}, To: Ready})
