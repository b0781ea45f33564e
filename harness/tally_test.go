package harness

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/model"
	"retain/service"
)

// The counts of a run are those that looking at every pair of operations gives.
func TestCountsAreThoseOfEveryPair(t *testing.T) {
	for name, l := range shapes(150) {
		t.Run(name, func(t *testing.T) {
			h := playLoaded(t, system(t), generators.Config{Retry: true}, l, restarts(8)...).History
			program, load := readBack(h)
			wantProgram, wantLoad := readBackOfPairs(h)
			assert.Equal(t, wantProgram, program)
			assert.Equal(t, wantLoad, load)
			require.Positive(t, load)
			got := TallyOf(0, h)
			assert.Equal(t, wantLoad, got.Load.ReadBack)
			inFlight, points := openOfPairs(h)
			assert.Equal(t, inFlight, got.Load.InFlight)
			assert.Equal(t, points, got.FaultPoints)
			assert.GreaterOrEqual(t, got.Load.Strikes, 2)
			assert.GreaterOrEqual(t, got.Load.MeanInFlight(), 3.0)
			assert.Len(t, loadOperations(h), got.Load.Operations)
			assert.Positive(t, got.Load.Rate())
			assert.Equal(t, len(h.Operations), got.Operations+got.Load.Operations+got.Load.Reads)
		})
	}
}

func readBackOfPairs(h *model.History) (program, load int) {
	for _, read := range h.Operations {
		shows := slices.ContainsFunc(h.Operations[:read.ID-1], func(write model.Invoked) bool {
			return write.Object == read.Object && model.Shows(read, write) && slices.ContainsFunc(h.Faults, func(f model.Fault) bool {
				return f.Ends() && f.Begin.Seq > write.Return.Seq && f.End.Seq < read.Call.Seq
			})
		})
		switch {
		case shows && generators.IsLoadObject(read.Object):
			load++
		case shows:
			program++
		}
	}
	return program, load
}

func openOfPairs(h *model.History) (load int, points map[generators.FaultPoint]int) {
	points = NewTally().FaultPoints
	for _, f := range h.Faults {
		for _, o := range h.Operations {
			open := slices.ContainsFunc(o.Attempts, func(a model.Attempt) bool { return a.Wrote && a.Start.Seq < f.Begin.Seq && a.End.Seq > f.Begin.Seq })
			switch {
			case !f.Ends() || !open:
			case o.Phase == model.Load:
				load++
			case !o.Op.ReadOnly() && !generators.IsLoadObject(o.Object):
				after := slices.ContainsFunc(h.Evidence, func(e model.Observation) bool {
					return e.ID == o.ID && e.At.Seq < f.Begin.Seq && (e.Reading == string(service.Effect) || e.Reading == string(service.Finished))
				})
				points[generators.FaultPoint{Fault: f.Kind, After: after}]++
			}
		}
	}
	return load, points
}
