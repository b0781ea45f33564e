package report

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"retain/model"
)

// ms is a moment; events of these tests are a millisecond apart at least, so that
// their time orders them.
func ms(n int64) model.Instant { return model.Instant{Seq: n, Ns: n * 1e6} }

// story builds a history event by event.
type story struct{ model.History }

var answeredOnce = []model.Attempt{{N: 1, Wrote: true, Status: 200}}

// op appends an operation on a counter, answered from call to ret.
func (s *story) op(process string, op model.Operation, call, ret int64, answer model.Answer) *model.Invoked {
	s.Operations = append(s.Operations, model.Invoked{
		ID: len(s.Operations) + 1, Process: process, Phase: model.Program, Object: model.Object{Kind: model.Counter}, Op: op,
		Call: ms(call), Return: ms(ret), Outcome: model.OK, Answer: answer, Attempts: answeredOnce,
	})
	return &s.Operations[len(s.Operations)-1]
}

// ambiguous appends one whose client stopped waiting.
func (s *story) ambiguous(process string, op model.Operation, call, ret int64) *model.Invoked {
	o := s.op(process, op, call, ret, nil)
	o.Outcome, o.Reason, o.Attempts = model.Ambiguous, model.Disconnected, []model.Attempt{{N: 1, Wrote: true, Start: ms(call)}}
	return o
}

// fault appends a stop or kill, from its beginning until the server was gone, and
// when calls went through again, 0 for never.
func (s *story) fault(kind model.FaultKind, begin, gone, back int64) {
	s.Faults = append(s.Faults, model.Fault{Kind: kind, Begin: ms(begin), End: ms(gone)})
	s.Recoveries = append(s.Recoveries, model.Recovery{Down: gone * 1e6, Probe: back * 1e6})
}

// table is what is printed of all its operations, the last one marked.
func (s *story) table() string {
	var ids []int
	for _, o := range s.Operations {
		ids = append(ids, o.ID)
	}
	return strings.Join(Operations(&s.History, ids, len(ids), "wrong"), "\n")
}

func linesOf(lines ...string) string { return strings.Join(lines, "\n") }

func TestOperationAcrossAFaultShowsBothEnds(t *testing.T) {
	add, get := model.CounterAdd{Delta: 2}, model.CounterGet{}
	for name, c := range map[string]struct {
		tell func(*story)
		want string
	}{
		"a read that was called during an outage is answered after it": {func(s *story) {
			s.op("0", add, 10, 12, model.Change{New: 2})
			s.fault("kill", 41, 43, 890)
			s.op("1", get, 236, 901, model.Integer(0))
		}, linesOf(
			`    ms   client 0        client 1`,
			`    10   add(2) -> 0->2`,
			`    41   ------------ kill · down 847 ms ------------`,
			`   236                   get() called`,
			`   890   ------------ answers again ------------`,
			`   901                   get() -> 0, called at 236 ms   <- wrong`,
		)},
		"a write that was called before a kill is answered after it": {func(s *story) {
			s.op("0", add, 30, 700, model.Change{New: 2})
			s.fault("kill", 41, 43, 655)
			s.op("1", get, 710, 711, model.Integer(0))
		}, linesOf(
			`    ms   client 0                         client 1`,
			`    30   add(2) called`,
			`    41   ------------ kill · down 612 ms ------------`,
			`   700   add(2) -> 0->2, called at 30 ms`,
			`   710                                    get() -> 0   <- wrong`,
		)},
		"an operation before and one after an outage have a row each": {func(s *story) {
			s.op("0", add, 10, 12, model.Change{New: 2})
			s.fault("stop", 41, 292, 655)
			s.op("1", get, 660, 661, model.Integer(0))
		}, linesOf(
			`    ms   client 0        client 1`,
			`    10   add(2) -> 0->2`,
			`    41   ------------ stop · gone after 251 ms · down 363 ms ------------`,
			`   660                   get() -> 0   <- wrong`,
		)},
		"a pause shows how long it was, and its end to those who waited": {func(s *story) {
			s.Faults = []model.Fault{{Kind: "pause", Begin: ms(20), End: ms(21)}, {Kind: "resume", Begin: ms(318), End: ms(320)}}
			s.op("0", add, 10, 330, model.Change{New: 2})
			s.op("1", get, 30, 331, model.Integer(0))
		}, linesOf(
			`    ms   client 0                         client 1`,
			`    10   add(2) called`,
			`    20   ------------ pause · for 300 ms ------------`,
			`    30                                    get() called`,
			`   320   ------------ resumed ------------`,
			`   330   add(2) -> 0->2, called at 10 ms`,
			`   331                                    get() -> 0, called at 30 ms   <- wrong`,
		)},
		"a pause that nobody resumed": {func(s *story) {
			s.Faults = []model.Fault{{Kind: "pause", Begin: ms(20), End: ms(21)}}
			s.op("0", add, 10, 12, model.Change{New: 2})
			s.op("1", get, 30, 31, model.Integer(0))
		}, linesOf(
			`    ms   client 0        client 1`,
			`    10   add(2) -> 0->2`,
			`    20   ------------ pause · never resumed ------------`,
			`    30                   get() -> 0 (at 31 ms)   <- wrong`,
		)},
		"operations of several clients overlap without a fault": {func(s *story) {
			s.op("0", add, 10, 50, model.Change{New: 2})
			s.op("1", add, 20, 30, model.Change{Old: 2, New: 4})
			s.op("2", get, 60, 61, model.Integer(0))
		}, linesOf(
			`    ms   client 0                   client 1        client 2`,
			`    10   add(2) -> 0->2 (at 50 ms)`,
			`    20                              add(2) -> 2->4`,
			`    60                                              get() -> 0   <- wrong`,
		)},
		"an ambiguous operation that was sent again after a kill has three rows": {func(s *story) {
			s.op("0", add, 18, 19, model.Change{New: 2})
			o := s.ambiguous("1", add, 24, 42)
			o.Attempts = append(o.Attempts, model.Attempt{N: 2, Wrote: true, Start: ms(38)}, model.Attempt{N: 3, Wrote: true, Start: ms(60)})
			o.Resolution = &model.Resolution{At: ms(88), By: model.Resend, Answer: model.Change{Old: 4, New: 6}}
			s.fault("kill", 32, 33, 55)
			s.op("0", get, 90, 91, model.Integer(0))
		}, linesOf(
			`    ms   client 0      client 1`,
			`    18   add(2) -> 0->2`,
			`    24                 add(2) called`,
			`    32   ------------ kill · down 22 ms ------------`,
			`    42                 add(2) -> disconnected, reached the server, not the handler, attempt 2 at 38 ms, called at 24 ms`,
			`    55   ------------ answers again ------------`,
			`    88                 add(2) sent again at 60 ms -> 4->6`,
			`    90   get() -> 0   <- wrong`,
		)},
		"an ambiguous operation that was looked up with nothing in between has one row": {func(s *story) {
			o := s.ambiguous("0", add, 10, 20)
			o.Resolution = &model.Resolution{At: ms(30), By: model.LookUp, Answer: model.Change{New: 2}}
			s.op("1", get, 40, 41, model.Integer(0))
		}, linesOf(
			`    ms   client 0                                  client 1`,
			`    10   add(2) -> disconnected, reached the server, not the handler; looked up -> 0->2`,
			`    40                                             get() -> 0   <- wrong`,
		)},
		"an operation that has no end": {func(s *story) {
			o := s.ambiguous("0", add, 10, 0)
			o.Return, o.Reason = model.Forever, ""
			s.fault("kill", 20, 21, 0)
			s.op("1", get, 40, 41, model.Integer(0))
		}, linesOf(
			`    ms   client 0                                  client 1`,
			`    10   add(2) -> no answer, reached the server, not the handler`,
			`    20   ------------ kill · did not answer again ------------`,
			`    40                                             get() -> 0 (at 41 ms)   <- wrong`,
		)},
		"the outage that an operation begins in is shown though it began before": {func(s *story) {
			s.fault("kill", 10, 11, 60)
			s.op("0", get, 30, 70, model.Integer(0))
		}, linesOf(
			`    ms   client 0`,
			`    10   ------------ kill · down 49 ms ------------`,
			`    30   get() called`,
			`    60   ------------ answers again ------------`,
			`    70   get() -> 0, called at 30 ms   <- wrong`,
		)},
		"a start that was killed again is not what the first kill recovered by": {func(s *story) {
			s.op("0", add, 1, 2, model.Change{New: 2})
			s.Faults = []model.Fault{{Kind: "kill", Begin: ms(10), End: ms(11)}}
			s.fault("kill", 20, 21, 60)
			s.op("0", get, 70, 71, model.Integer(0))
		}, linesOf(
			`    ms   client 0`,
			`     1   add(2) -> 0->2`,
			`    10   ------------ kill · ended again before it answered ------------`,
			`    20   ------------ kill · down 39 ms ------------`,
			`    70   get() -> 0   <- wrong`,
		)},
	} {
		t.Run(name, func(t *testing.T) {
			var s story
			c.tell(&s)
			assert.Equal(t, c.want, s.table())
		})
	}
}

// Whatever the number of clients and the length of values, a line stays a line.
func TestTableStaysWithinItsWidth(t *testing.T) {
	long := strings.Repeat("wörter ", 40)
	for clients := 1; clients <= 14; clients++ {
		var s story
		for i := range int64(clients) {
			process := string(rune('a' + i))
			s.op(process, model.CounterAdd{Delta: 1 << 50}, 10+20*i, 15+20*i, model.Texts{long, long})
		}
		s.fault("kill", 12, 13, 500)
		s.op("reader", model.CounterGet{}, 600, 601, model.Texts{long})
		ids := make([]int, len(s.Operations))
		for i := range ids {
			ids[i] = i + 1
		}
		lines := Operations(&s.History, ids, len(ids), long)
		for _, line := range lines {
			assert.LessOrEqual(t, utf8.RuneCountInString(line), tableWidth, line)
		}
		whole := strings.Join(lines, "\n")
		assert.Contains(t, whole, "add(1125899906842624)", "the operation can be read with %d clients", clients)
		assert.Contains(t, whole, "<- wörter")
	}
}
