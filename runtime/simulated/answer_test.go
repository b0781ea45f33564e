package simulated_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/simulated"
)

const (
	ofKey   = "/restate/invocation/Answer/a/submit/k"
	succeed = `{"value":"k","fails":false}`
	fail    = `{"value":"k","fails":true}`
)

func TestKeyHasOneExecutionAndOneAnswer(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		assert.Equal(t, 404, r.get(ofKey+"/output").Status)
		r.want(`"#1 k"`, "/Answer/a/submit", succeed, sending{Key: "k"})
		r.want(`"#2 other"`, "/Answer/a/submit", `{"value":"other","fails":false}`, sending{Key: "other"})
		r.restart(r.kill)
		r.want(`"#1 k"`, "/Answer/a/submit", succeed, sending{Key: "k"})
		assert.Equal(t, `"#1 k"`, r.get(ofKey+"/output").Body)
		assert.Equal(t, `"#1 k"`, r.get(ofKey+"/attach").Body)
		r.want("2", "/Answer/a/get", "")
	})
}

func TestErrorKeepsItsMetadata(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		first := r.call("/Answer/a/submit", fail, sending{Key: "k"})
		assert.Equal(t, 500, first.Status)
		assert.JSONEq(t, `{"code":500,"message":"#1 k","source":"invocation","metadata":{"call":"1"}}`, first.Body)
		r.restart(r.stop)
		assert.JSONEq(t, first.Body, r.get(ofKey+"/output").Body)
	})
}

func TestBugsOfAnswersStrikeWhenTheyAreAskedFor(t *testing.T) {
	with := func(b simulated.Bug) simulated.Options {
		return simulated.Options{Bugs: []simulated.Bug{b}, Rate: 1}
	}
	bubble(t, with(simulated.ForgottenKey), func(t *testing.T, r *rig) {
		r.want(`"#1 k"`, "/Answer/a/submit", succeed, sending{Key: "k"})
		r.restart(r.stop)
		assert.Equal(t, 200, r.get(ofKey+"/output").Status, "a stop forgets nothing")
		r.restart(r.kill)
		assert.Equal(t, 404, r.get(ofKey+"/output").Status)
		r.want(`"#2 k"`, "/Answer/a/submit", succeed, sending{Key: "k"})
	})
	bubble(t, with(simulated.LostMetadata), func(t *testing.T, r *rig) {
		assert.Contains(t, r.call("/Answer/a/submit", fail, sending{Key: "k"}).Body, "metadata")
		assert.NotContains(t, r.get(ofKey+"/output").Body, "metadata")
		assert.NotContains(t, r.call("/Answer/a/submit", fail, sending{Key: "k"}).Body, "metadata")
	})
	bubble(t, with(simulated.UnknownAtStart), func(t *testing.T, r *rig) {
		r.want(`"#1 k"`, "/Answer/a/submit", succeed, sending{Key: "k"})
		r.kill()
		require.NoError(t, r.Start(t.Context(), runtime.StartOptions{}))
		r.http = &http.Transport{DialContext: r.Endpoints().Dial}
		time.Sleep(5 * time.Millisecond)
		assert.Equal(t, 404, r.get(ofKey+"/output").Status)
		time.Sleep(20 * time.Millisecond)
		assert.Equal(t, 200, r.get(ofKey+"/output").Status)
	})
}
