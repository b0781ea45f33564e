package model

// Redeploy moves the address at which the server finds the service, and updates the deployment
// by the admin API.
const Redeploy FaultKind = "redeploy"

var _ = registerFault(FaultSpec{Kind: Redeploy, Noun: "move of the deployment", Order: 16, Service: true, From: []Condition{Ready}, To: Ready})
