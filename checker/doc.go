// Package checker says whether a simple sequential model explains a history:
// history in, verdict out. It is pure.
//
// [Check] judges each object by itself (linearizability is local: Herlihy and
// Wing, "Linearizability: a correctness condition for concurrent objects", ACM
// TOPLAS 12(3) 1990, theorem 1). An object's history passes if its operations
// have an order that respects real time, and in which each answer is the one
// that the sequential specification gives. An operation that failed has no place
// in the order; an ambiguous one may stand anywhere after its call, or nowhere.
//
// [WritePicture] draws an object that violates.
package checker
