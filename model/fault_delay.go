package model

// Delay keeps an attempt from its handler for a while.
const Delay FaultKind = "delay"

var _ = registerFault(FaultSpec{Kind: Delay, Noun: "delayed attempt", Order: 7, Service: true, From: []Condition{Ready}, To: Ready})
