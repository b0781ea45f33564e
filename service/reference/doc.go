// Package reference is the deployment that retain tests by default: the objects
// of the contract that every official Restate SDK ships in its test services
// (Counter, MapObject, ListObject), one of our own (Register) and the probe, on
// the Restate Go SDK.
//
// It has no gates and no evidence: those are the endpoint proxy's. The SDK under test is
// unmodified.
package reference
