// Package model says what the runtime promises: objects with sequential
// specifications, the operations on them, how an operation can end, and the
// history of a run.
//
// It is pure. An [Operation] knows its specification ([Operation.Apply]), its
// place in the contract of the test services (service and handler, request and
// answer bodies) and its text form. A [History] is what a checker judges.
package model
