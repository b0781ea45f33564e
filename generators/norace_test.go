//go:build !race

package generators

const raceEnabled = false
