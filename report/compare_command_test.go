package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/harness"
)

// The command can be pasted: it has the handlers of the session, what they need, and the server.
func TestFindingOnOtherHandlersNamesTheComparisonWithRetainsOwn(t *testing.T) {
	for want, flags := range map[string][]string{
		"":              {"-runtime=process", "-known=f"},
		"-sdks=go,java": {"-sdk=java"},
		"-sdks=go,mine=image:x:1 -runtime=process -service.env-file=f": {"-runtime=process", "-known=none", "-service.image=x:1", "-service.env-file=f"},
		"-sdks=go,mine=https://h:1/p '-deployment.header=Authorization=$AUTH' '-restate.env=A_KEY=$A_KEY'": {
			"-deployment=https://h:1/p", "-deployment.header=Authorization=$AUTH", "-restate.env=A_KEY=$A_KEY"},
	} {
		rows := Finding(harness.Run{Verdict: harness.Violation, Dir: "f"}, Context{Flags: flags})
		if want == "" {
			assert.Empty(t, row(rows, "compare"))
			continue
		}
		assert.Equal(t, "go test -run Compare -plan f/plan.json "+want, row(rows, "compare"))
		assert.NotEmpty(t, row(rows, "replay"))
	}
}
