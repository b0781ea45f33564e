package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/model"
)

// busy is a history of two clients and the harness, with all that can stand in a
// table.
func busy() *model.History {
	register := model.Object{Kind: model.Register}
	sent := []model.Attempt{{N: 1, Wrote: true}}
	write := func(id int, process string, call, ret int64) model.Invoked {
		return model.Invoked{ID: id, Process: process, Phase: model.Program, Object: register, Op: model.RegisterWrite{Value: fmt.Sprint("v", id)}, Call: at(call), Return: at(ret),
			Outcome: model.OK, Answer: model.Done{}, Attempts: sent}
	}
	open := write(3, "1", 6, 9)
	open.Outcome, open.Answer, open.Reason = model.Ambiguous, nil, model.Disconnected
	again := write(4, "2", 7, 10)
	again.Outcome, again.Answer, again.Reason = model.Ambiguous, nil, model.TimedOut
	again.Resolution = &model.Resolution{At: at(30), By: "lookup", Answer: model.Done{}}
	refused := write(5, "10.2", 21, 22)
	refused.Outcome, refused.Answer, refused.Reason, refused.Attempts = model.Failed, nil, model.NotSent, nil
	look := model.Invoked{ID: 6, Process: "look-register-0-0", Phase: model.Look, Object: register, Op: model.RegisterRead{}, Call: at(28), Return: at(29), Outcome: model.OK, Answer: model.Text("v1"), Attempts: sent}
	return &model.History{
		Operations: []model.Invoked{write(1, "0", 1, 2), write(2, "0", 3, 5), open, again, refused, look},
		Faults: []model.Fault{
			{Kind: "kill", Begin: at(4), End: at(4)}, {Kind: "start", Begin: at(5), End: at(6)},
			{Kind: "pause", Begin: at(8), End: at(8)}, {Kind: "stop", Begin: at(11), End: at(12)}, {Kind: "start", Begin: at(13), End: at(14)},
			{Kind: "kill", Begin: at(15), End: at(16)}, {Kind: "start", Begin: at(17), End: at(18)}, {Kind: "kill", Begin: at(23), End: at(24)},
		},
		Recoveries: []model.Recovery{{Down: 40e6, Probe: 55e6}, {Down: 120e6}, {Down: 160e6, Probe: 180e6}, {Down: 240e6}},
		Evidence:   []model.Observation{{ID: 3, Reading: "entered", At: at(7)}, {ID: 3, Reading: "effect", At: at(8)}},
	}
}

func TestOperationsPrintsATable(t *testing.T) {
	h := busy()
	golden(t, "operations", strings.Join(Operations(h, []int{1, 2, 3, 4, 5, 6}, 6, "no order explains this"), "\n")+"\n")
	assert.Nil(t, Operations(h, nil, 0, ""))

	assert.Equal(t, []string{
		"    ms   client 0",
		`    10   write("v1") -> ok   <- here`,
	}, Operations(h, []int{1}, 1, "here"), "what happened before and after it stays away")

	h.Recoveries = nil
	for _, line := range Operations(h, []int{1, 2, 3, 4, 5, 6}, 0, "") {
		if strings.Contains(line, "kill") || strings.Contains(line, "- stop") {
			assert.NotContains(t, line, " · ", "nothing is said of a restart of which nothing is recorded")
		}
	}
}

func TestLongTableIsShortened(t *testing.T) {
	h := &model.History{}
	var ids []int
	for i := range int64(100) {
		h.Operations = append(h.Operations, model.Invoked{ID: int(i) + 1, Process: "0", Phase: model.Program, Object: model.Object{Kind: model.Counter},
			Op: model.CounterGet{}, Call: at(2*i + 1), Return: at(2*i + 2), Outcome: model.OK, Answer: model.Integer(i)})
		ids = append(ids, int(i)+1)
	}
	lines := Operations(h, ids, 100, "wrong")
	assert.LessOrEqual(t, len(lines), maxTable)
	assert.Contains(t, strings.Join(lines, "\n"), "... 80 more rows")
	assert.Contains(t, lines[len(lines)-1], "get() -> 99   <- wrong")

	lines = Operations(h, ids, 50, "wrong in the middle")
	assert.LessOrEqual(t, len(lines), maxTable)
	assert.Contains(t, strings.Join(lines, "\n"), "get() -> 49   <- wrong in the middle", "the marked row stays")

	for i := range int64(60) { // between the first two operations
		h.Faults = append(h.Faults, model.Fault{Kind: "pause", Begin: model.Instant{Seq: 2, Ns: 20e6 + i}, End: model.Instant{Seq: 2, Ns: 20e6 + i}})
	}
	h.Operations[1].Call.Seq, h.Operations[0].Return.Seq = 3, 1
	text := strings.Join(Operations(h, ids[:2], 2, "wrong"), "\n")
	assert.Contains(t, text, "60 faults, the last at 20 ms: pause")
}

func TestShortenedTableHasOnlyTheColumnsOfItsRows(t *testing.T) {
	h := &model.History{}
	var ids []int
	for i := range int64(60) { // of 40 clients of a load, after 20 operations of one
		h.Operations = append(h.Operations, model.Invoked{ID: int(i) + 1, Process: fmt.Sprintf("load-%d", max(0, i-19)), Phase: model.Load, Object: model.Object{Kind: model.Counter},
			Op: model.CounterAdd{Delta: 1}, Call: at(2*i + 1), Return: at(2*i + 2), Outcome: model.OK, Answer: model.Change{Old: i, New: i + 1}})
		ids = append(ids, int(i)+1)
	}
	table := tableOf(h, ids[:40], 40, "wrong")
	assert.Contains(t, table.lines()[0], "client", "there are too many for a column each")
	for _, column := range table.Columns {
		assert.True(t, slices.ContainsFunc(table.Rows, func(r tableRow) bool { return r.Column == column }), column)
	}
	assert.Less(t, len(table.Columns), 20)
	assert.Len(t, tableOf(h, ids[:20], 20, "wrong").Columns, 1)
}

func TestLongAnswerIsShortened(t *testing.T) {
	h := &model.History{Operations: []model.Invoked{{ID: 1, Process: "0", Phase: model.Program, Object: model.Object{Kind: model.List}, Op: model.ListGet{},
		Call: at(1), Return: at(2), Outcome: model.OK, Answer: model.Texts(strings.Split(strings.Repeat("é,", 500)+"last", ","))}}}
	row := Operations(h, []int{1}, 0, "")[1]
	assert.LessOrEqual(t, len([]rune(row)), 9+maxCell)
	assert.True(t, strings.HasPrefix(row, `    10   get() -> ["é","é"`), row)
	assert.True(t, strings.HasSuffix(row, `"é","last"]`), row)
}

func TestReachedNamesTheLastStepOfAnOperation(t *testing.T) {
	o := model.Invoked{ID: 1, Return: model.Instant{Seq: 100}}
	sent := []model.Attempt{{N: 1, Wrote: true}}
	for want, c := range map[string]struct {
		attempts []model.Attempt
		readings []string
	}{
		"never reached the server":            {[]model.Attempt{{N: 1}}, nil},
		"reached the server, not the handler": {sent, nil},
		"entered":                             {sent, []string{"entered"}},
		"effect journaled":                    {sent, []string{"entered", "effect"}},
		"finished, answer lost":               {sent, []string{"entered", "effect", "finished", "broken"}},
	} {
		h := &model.History{}
		for i, r := range c.readings {
			h.Evidence = append(h.Evidence, model.Observation{ID: 1, Reading: r, At: model.Instant{Seq: int64(i)}})
		}
		o.Attempts = c.attempts
		assert.Equal(t, want, Reached(h, o))
	}
}
