// Package reference is the deployment that retain tests by default: the objects
// of the contract that every official Restate SDK ships in its test services
// (Counter, MapObject, ListObject), one of our own (Register) and the canary, on
// the Restate Go SDK.
//
// It knows nothing of gates or evidence: the endpoint proxy in front of it sees
// to those, so that what is tested here is an unmodified SDK.
package reference
