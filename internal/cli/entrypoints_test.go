package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFlagsOfEntryPointsExist(t *testing.T) {
	for _, e := range entryPoints() {
		for _, flag := range e.reads {
			assert.True(t, isFlag(flag), "-%s, which %s reads", flag, e.word)
		}
	}
}
