// Package model defines what the runtime promises: objects with sequential
// specifications, the operations on them, the outcomes of an operation, and the history
// of a run. It is pure.
//
// An [Operation] has its specification ([Operation.Apply]), its place in the contract of
// the test services (service and handler, bodies of request and answer) and its text
// form. A [History] is what a checker judges.
package model
