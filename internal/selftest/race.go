//go:build race

package selftest

// Race reports whether the race detector is on: times mean nothing then.
const Race = true
