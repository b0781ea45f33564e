package sessions_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/internal/selftest/suite"
)

// With a list of known findings, a session whose only failures are described there is green
// and names them; otherwise it is red.
func TestKnownFindingsDecideWhetherASessionIsGreen(t *testing.T) {
	selftest.Long(t, "50 s")
	const entry = `"guarantee":"operation-finishes","failure":{"code":"RT0016","status":"[590]"},"versions":["1.*"],"link":"https://example.com/1"`
	list := func(more string) string {
		path := filepath.Join(t.TempDir(), "known.json")
		require.NoError(t, os.WriteFile(path, []byte(`{"version":1,"known":[{`+entry+more+`}]}`), 0o600))
		return path
	}
	for _, c := range []struct {
		name, known, bugs string
		rate              string // that of the bugs: at 0.22 a fifth of the plans meets one; half of them would be vacuous
		green             bool
		says              []string
	}{
		{"known", list(""), "stuck-retry", "0.22", true, []string{
			`(?m)^known      plan \d+, kept in testdata/known/\S+: https://example.com/1$`, `(?m)^pass       but for known findings in \d+ plans?, `,
			`(?m)^verdicts   \d+ pass · \d+ known · 0 violation`, `(?m)^known      \d+ plans?: https://example.com/1$`, `with .*-bugs stuck-retry(?s:.*)-known /`}},
		{"expired", list(`,"expires":"2026-01-31"`), "stuck-retry", "1", false, []string{`(?m)^violation  `, `(?m)^known      its entry expired on 2026-01-31: https://example.com/1$`}},
		{"none", "none", "stuck-retry", "1", false, []string{`(?m)^violation  `, `with .*-known none`}},
		{"the shipped list", "testdata/known.json", "stuck-retry", "1", false, []string{`(?m)^violation  `}},
		{"a lost write beside it", list(""), "stuck-retry,lost-write", "1", false, []string{`(?m)^violation  `}},
		{"not seen", list(""), "", "", true, []string{`(?m)^pass       no acknowledged`, `(?m)^known      not seen: https://example.com/1$`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"-test.run", "^TestProperties$", "-runtime", "simulated", "-known", c.known, "-rapid.seed", "1", "-rapid.checks", "36",
				"-completion.max", "2s", "-workers", "6", "-load", "0", "-shrink.budget", "0"}
			if c.bugs != "" {
				args = append(args, "-bugs", c.bugs, "-bugs.rate", c.rate)
			}
			run := suite.New(t, nil, args...)
			err := run.Run()
			assert.Equal(t, c.green, err == nil, run.Text())
			for _, says := range c.says {
				assert.Regexp(t, says, run.Text())
			}
		})
	}
}
