package simulated_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/simulated"
	"retain/service"
)

func (r *rig) manage(id, verb string) response {
	return r.exchange(exchange{Method: "PATCH", Path: "admin:/invocations/" + id + "/" + verb})
}

// standing sends an append that stands at a gate.
func (r *rig) standing(value string) (id string, gate service.Gate) {
	gate = r.Arm("run/1", service.Before)
	id = r.send(value, "", sending{Tag: "run/1"}).Invocation
	<-gate.Held()
	return id, gate
}

// The statuses are those that released servers answer.
func TestEachVerbIsForSomePhasesOfAnInvocation(t *testing.T) {
	verbs := []string{"cancel", "kill", "purge", "pause", "resume", "restart-as-new"}
	for phase, want := range map[string][]int{
		"scheduled": {200, 200, 409, 409, 425, 425},
		"running":   {202, 200, 409, 202, 200, 409},
		"paused":    {202, 200, 409, 200, 200, 409},
		"completed": {409, 409, 200, 409, 409, 200},
		"unknown":   {404, 404, 404, 404, 404, 404},
	} {
		for i, verb := range verbs {
			bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
				id := "inv_1unknown"
				switch phase {
				case "scheduled":
					id = r.send(`"v"`, "?delay=1h").Invocation
				case "running", "paused":
					var gate service.Gate
					id, gate = r.standing(`"v"`)
					defer gate.Open()
					if phase == "paused" {
						assert.Equal(t, 202, r.manage(id, "pause").Status)
					}
				case "completed":
					id = r.send(`"v"`, "").Invocation
					time.Sleep(time.Second)
				}
				assert.Equal(t, want[i], r.manage(id, verb).Status, "%s %s", phase, verb)
			})
		}
	}
}

// open is the id of the only invocation.
func (r *rig) open() string {
	rows := r.exchange(exchange{Method: "POST", Path: "admin:/query", Request: sent{Body: `{"query":"select id from sys_invocation"}`}})
	var open struct{ Rows []struct{ ID string } }
	require.NoError(r.t, json.Unmarshal([]byte(rows.Body), &open))
	require.Len(r.t, open.Rows, 1)
	return open.Rows[0].ID
}

// Handlers of awakeables have answers of forms of their own: an error is none of them.
func TestKilledRelayIsAnsweredWithAnError(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		_, answered := r.held(service.Before, "/Awakeable/a/relay", `{"value":"k","with":"x"}`, sending{Tag: "run/1"})
		assert.Equal(t, 200, r.manage(r.open(), "kill").Status)
		assert.Equal(t, 409, (<-answered).Status)
	})
}

// What was killed is over, its key keeps that, and what it did stays; it is sent again only
// when it was purged.
func TestKilledInvocationKeepsItsKeyUntilItIsPurged(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		_, answered := r.held(service.After, "/Answer/a/submit", succeed, sending{Key: "k", Tag: "run/1"})
		id := r.open()
		assert.Equal(t, 200, r.manage(id, "kill").Status)
		assert.Equal(t, 409, (<-answered).Status)
		assert.Equal(t, 409, r.call("/Answer/a/submit", succeed, sending{Key: "k"}).Status)
		r.want("1", "/Answer/a/get", "")
		assert.Equal(t, 200, r.manage(id, "purge").Status)
		assert.Equal(t, 404, r.get(ofKey+"/output").Status)
		r.want(`"#2 k"`, "/Answer/a/submit", succeed, sending{Key: "k"})
	})
}

func TestPausedInvocationStaysSoUntilItIsResumed(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		id, _ := r.standing(`"v"`)
		assert.Equal(t, 202, r.manage(id, "pause").Status)
		r.restart(r.kill)
		time.Sleep(time.Second)
		status := r.exchange(exchange{Method: "POST", Path: "admin:/query", Request: sent{Body: `{"query":"select status from sys_invocation"}`}})
		assert.Contains(t, status.Body, `"paused"`)
		assert.Equal(t, 200, r.manage(id, "resume").Status)
		r.wantMailbox("v")
	})
}

func TestRestartExecutesAgainAndTheKeyKeepsItsAnswer(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		first := r.call("/Answer/a/submit", succeed, sending{Key: "k"})
		restarted := r.manage(first.Header.Get("x-restate-id"), "restart-as-new")
		var began struct {
			ID string `json:"new_invocation_id"`
		}
		require.NoError(t, json.Unmarshal([]byte(restarted.Body), &began), restarted.Body)
		assert.Equal(t, `"#2 k"`, r.get("/restate/invocation/"+began.ID+"/attach").Body)
		assert.Equal(t, `"#1 k"`, r.get(ofKey+"/output").Body)
	})
}

func TestEndedInvocationThatReturnsRunsAgainAfterARestart(t *testing.T) {
	bubble(t, simulated.Options{Bugs: []simulated.Bug{simulated.EndedReturns}, Rate: 1}, func(t *testing.T, r *rig) {
		id, _ := r.standing(`"v"`)
		assert.Equal(t, 200, r.manage(id, "kill").Status)
		r.wantMailbox()
		r.restart(r.stop)
		r.wantMailbox("v")
	})
}
