package model

// Pause freezes the server (SIGSTOP), where the runtime can; otherwise it does nothing.
const Pause FaultKind = "pause"

var _ = registerFault(FaultSpec{Kind: Pause, Order: 4, From: []Condition{Ready}, To: Paused, Undo: Resume, Stalls: true})
