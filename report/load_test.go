package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/triage"
	"retain/model"
)

// lostUnderLoad is the violation of [lost] on an object of a load of so many clients, of
// which two have a column. Each other one read twice before.
func lostUnderLoad(t *testing.T, clients int) harness.Run {
	r := lost(t, found)
	h := r.Outcome.History
	object := model.Object{Kind: model.Counter, N: generators.FirstLoadObject}
	for i := range h.Operations {
		o := &h.Operations[i]
		o.Process, o.Phase, o.Object = fmt.Sprintf("load-%d", i), model.Load, object
	}
	r.Check.Objects[0].Object = object
	for c := 2; c < clients; c++ {
		for range 2 {
			o := h.Operations[1]
			o.ID, o.Process, o.Object = len(h.Operations)+1, fmt.Sprintf("load-%d", c), object
			h.Operations = append(h.Operations, o)
		}
	}
	elsewhere := h.Operations[1]
	elsewhere.ID, elsewhere.Process, elsewhere.Object.N = len(h.Operations)+1, "load-99", generators.FirstLoadObject+1
	h.Operations = append(h.Operations, elsewhere)
	return r
}

func TestFindingOfALoadCountsTheOperationsThatItsTableLeavesOut(t *testing.T) {
	r := lostUnderLoad(t, 50)
	require.Len(t, r.Check.Broken().Proof, 2)
	says := Finding(r, Context{})
	assert.Equal(t, "96 of 98 operations of the load on counter-1000 · 48 of 50 clients", row(says, "not shown"))
	assert.Contains(t, says.String(), "client load-0   client load-1", "the table has the clients of the contradiction only")
	assert.NotContains(t, says.String(), "client load-2")

	require.NoError(t, WritePage(r, plainProcess))
	page, err := os.ReadFile(filepath.Join(r.Dir, triage.PageFile))
	require.NoError(t, err)
	assert.Contains(t, string(page), "48 of 50 clients")

	few := lostUnderLoad(t, 2)
	h := few.Outcome.History
	again := h.Operations[1]
	again.ID, again.Process = len(h.Operations)+1, "load-0"
	h.Operations = append(h.Operations, again)
	assert.Equal(t, "1 of 3 operations of the load on counter-1000", row(Finding(few, Context{}), "not shown"), "every client has a column")
}

func TestFindingWithoutALoadLeavesNothingOut(t *testing.T) {
	assert.Empty(t, row(Finding(lost(t, found), Context{}), "not shown"))
	assert.Empty(t, row(Finding(lostUnderLoad(t, 2), Context{}), "not shown"), "both clients of the object are in the table")
	r := lostUnderLoad(t, 50)
	r.Check.Objects[0].Object.N = 3
	for i := range 2 {
		r.Outcome.History.Operations[i].Object.N = 3
		r.Outcome.History.Operations[i].Phase = model.Program
	}
	assert.Empty(t, row(Finding(r, Context{}), "not shown"), "the load never touched the object")
}

// The counts of a finding that was kept are those of its history.
func TestCampaignPageNamesTheLoadThatAFindingNeeds(t *testing.T) {
	c := readTwo(t, 20)
	dir := filepath.Join(c.Dir, "shard-0", "findings", "7f2c-10")
	plan := generators.StartAndStop(model.Kill)
	plan.Load = generators.Load{Clients: 12, Objects: 1, Between: 450, Seed: 1}
	require.NoError(t, os.WriteFile(filepath.Join(dir, regress.ReducedFile), generators.Encode(plan), 0o644))
	kept, err := os.ReadFile(filepath.Join(dir, regress.ReducedHistoryFile))
	require.NoError(t, err)
	h, err := model.ReadHistory(bytes.NewReader(kept))
	require.NoError(t, err)
	h.Version = model.HistoryVersion
	for i := range int64(20) {
		o := h.Operations[0]
		o.ID, o.Process, o.Phase, o.Object.N = len(h.Operations)+1, "load-0", model.Load, generators.FirstLoadObject
		o.Call.Seq, o.Return.Seq = 901+4*i, 904+4*i
		o.Attempts = []model.Attempt{{N: 1, Wrote: true, Status: 200, Start: model.Instant{Seq: 902 + 4*i, Ns: o.Call.Ns}, End: model.Instant{Seq: 903 + 4*i, Ns: o.Return.Ns}}}
		h.Operations = append(h.Operations, o)
	}
	var text bytes.Buffer
	require.NoError(t, model.WriteHistory(&text, h))
	require.NoError(t, os.WriteFile(filepath.Join(dir, regress.ReducedHistoryFile), text.Bytes(), 0o644))
	assert.Contains(t, row(findings(c)[0].Rows, "rate"), "\nneeds a load of 12 clients on 1 object, 450 operations between faults · about 1 operation of the load in 7")
}
