package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMisspeltRunGetsSuggestion(t *testing.T) {
	words := []string{"Properties", "Replay", "Report"}
	assert.Equal(t, "did you mean -run Properties?", suggestion("TestPropertys$", words))
	assert.Equal(t, "did you mean -run Replay?", suggestion("replya", words))
	assert.Equal(t, "want Properties, Replay or Report", suggestion("Canary", words))
	assert.Equal(t, "there is none", suggestion("x", nil))
}
