package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
	"retain/runtime"
)

// left is a runtime whose server ended.
type left struct {
	runtime.Runtime
	exit runtime.Exit
}

func (l left) LastExit() (runtime.Exit, bool) { return l.exit, true }

func TestHowAServerEndedByItself(t *testing.T) {
	var l *Liveness
	require.ErrorAs(t, endedByItself(left{exit: runtime.Exit{Code: 3}}), &l)
	assert.Contains(t, l.Detail, "exit code 3")
	require.ErrorAs(t, endedByItself(left{exit: runtime.Exit{Code: -1}}), &l)
	assert.Contains(t, l.Detail, "a signal")
	err := endedByItself(left{exit: runtime.Exit{Code: -1, Killed: true}})
	assert.NotErrorAs(t, err, &l, "no server kills itself: it is the machine's affair")
	assert.ErrorContains(t, err, "SIGKILL")
}

func TestRefusals(t *testing.T) {
	end := model.Instant{Seq: 9}
	refused := model.Attempt{End: end, Status: 404, Reason: model.Rejected, Detail: "404 no such service"}
	for name, c := range map[string]struct {
		attempts []model.Attempt
		last     string
		all      bool
	}{
		"none":                   {},
		"refused":                {[]model.Attempt{refused, refused}, "404 no such service", true},
		"and one under way":      {[]model.Attempt{refused, {}}, "404 no such service", true},
		"an error":               {[]model.Attempt{refused, {End: end, Status: 500, Reason: model.Unavailable, Detail: "500 internal"}}, "500 internal", false},
		"nothing the last time":  {[]model.Attempt{refused, {End: end, Reason: model.TimedOut, Detail: "deadline"}}, "", false},
		"nothing but at the end": {[]model.Attempt{{End: end, Reason: model.TimedOut}, refused}, "404 no such service", false},
	} {
		last, all := refusals(c.attempts)
		assert.Equal(t, c.last, last, name)
		assert.Equal(t, c.all, all, name)
	}
}
