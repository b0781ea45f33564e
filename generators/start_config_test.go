package generators

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStartConfigSetsWhatItNames(t *testing.T) {
	for _, c := range []struct {
		config StartConfig
		text   string
		env    map[string]string
	}{
		{StartConfig{}, "", map[string]string{}},
		{StartConfig{State: EagerState, Suspension: SuspendNever}, "eager, never suspended", settings(inactivity, never)},
		{StartConfig{State: LazyState, Suspension: SuspendAtOnce}, "lazy, suspended at once", settings(inactivity, always, eagerState, "0", noEagerState, "true")},
		{StartConfig{Suspension: SuspendSoon, OneTimer: true}, "suspended after 50 ms, one timer in memory", settings(inactivity, soon, timersInCache, "1")},
	} {
		assert.Equal(t, c.text, c.config.String())
		assert.Equal(t, c.env, c.config.Env())
	}
}
