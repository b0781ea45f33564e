// Package checker decides whether a sequential model explains a history. A history goes
// in, a verdict comes out. The package is pure.
//
// [Check] judges each object by itself. Linearizability is local: Herlihy and Wing,
// "Linearizability: a correctness condition for concurrent objects", ACM TOPLAS 12(3)
// 1990, theorem 1. The history of an object passes if its operations have an order that
// respects real time and in which each answer is that of the sequential specification.
// A failed operation has no place in the order. An ambiguous one may stand anywhere
// after its call, or nowhere.
//
// [Witness] reduces a history that violates to the minimal one. [WritePicture] draws an
// object that violates.
package checker
