//go:build race

package generators

const raceEnabled = true
