package model

// Kill ends the server at once (SIGKILL).
const Kill FaultKind = "kill"

var _ = registerFault(FaultSpec{Kind: Kill, Order: 2, From: []Condition{Ready, Starting, Paused}, To: Down, Undo: Start})
