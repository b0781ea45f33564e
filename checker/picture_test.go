package checker

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// The histories of the benchmarks are what they say, and a long one that violates
// has a proof and a picture that a person can look at.
func TestLongViolationsHaveAProofAndAPicture(t *testing.T) {
	for _, kind := range decidedKinds {
		t.Run(string(kind), func(t *testing.T) {
			l := load{kind: kind, operations: 5000, clients: 10, ambiguous: 0.05, keys: 4}
			h := l.history(1)
			r := Check(h, Options{})
			require.Equal(t, Pass, r.Verdict, r.Reason)
			var picture bytes.Buffer
			require.ErrorIs(t, WritePicture(&picture, h, r), ErrNothingToDraw)
			require.Zero(t, picture.Len())

			l.stale = true
			h = l.history(1)
			h.Faults = []model.Fault{{Kind: "kill", Begin: model.Instant{Seq: 1 << 40}, End: model.Forever}}
			start := time.Now()
			r = Check(h, Options{})
			require.Equal(t, Violation, r.Verdict)
			broken := r.Broken()
			assert.NotEmpty(t, broken.Guarantee.String())
			assert.Contains(t, broken.Proof, broken.Contradiction)
			assert.LessOrEqual(t, len(broken.Proof), 6)
			require.NoError(t, WritePicture(&picture, h, r))
			assert.Less(t, time.Since(start), 10*time.Second)
			assert.Contains(t, picture.String(), broken.Guarantee.String())
			assert.Contains(t, picture.String(), `"Tag":"faults"`)
			assert.Less(t, picture.Len(), 1<<20)
		})
	}
}
