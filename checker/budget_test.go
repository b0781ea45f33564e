package checker

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"retain/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// explosive is a history that no decision gets through: every value is written
// twice, by operations that are all open at once, and the reads behind them ask
// for what can't be.
func explosive(t *testing.T, writes int) *model.History {
	var b strings.Builder
	for i := range 2 * writes {
		fmt.Fprintf(&b, "%d register-0 %d %d write(\"v%d\") => ok\n", i, i+1, 1000+i, i%writes)
	}
	for i := range writes {
		fmt.Fprintf(&b, "r%d register-0 %d %d read() => \"v%d\"\n", i, 200+i, 2000+i, i)
	}
	fmt.Fprintf(&b, "x register-0 3000 3001 read() => \"v0\"\nx register-0 3002 3003 read() => \"v1\"\n")
	return history(t, b.String())
}

func TestOutOfBudgetIsUndecided(t *testing.T) {
	h := explosive(t, 24)
	for name, o := range map[string]Options{
		"time":   {Budget: 300 * time.Millisecond},
		"memory": {Memory: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			r := Check(h, o)
			require.Equal(t, Undecided, r.Verdict)
			assert.Contains(t, r.Reason, "register-0: no verdict on its 74 operations")
			assert.Contains(t, r.Reason, "because values were written more than once")
			assert.Less(t, r.Cost, 5*time.Second, "each search ends by its memory, not by its time")
			assert.Nil(t, r.Broken())
			var picture bytes.Buffer
			require.ErrorIs(t, WritePicture(&picture, h, r), ErrNothingToDraw)
			assert.Zero(t, picture.Len())
		})
	}
}

// hard are histories on which a search over orders does not end: the numbers of
// open operations are those at which it was given up.
var hard = []struct {
	name    string
	history func() string
	verdict Verdict
}{
	{"sixteen unread ambiguous writes and one stale read", func() string {
		var b strings.Builder
		b.WriteString("x register-0 1 2 write(\"a\") => ok\nx register-0 3 4 write(\"b\") => ok\n")
		for i := range 16 {
			fmt.Fprintf(&b, "%d register-0 %d ? write(\"v%d\")\n", i, 10+i, i)
		}
		b.WriteString("x register-0 50 51 read() => \"a\"\n")
		return b.String()
	}, Violation},
	{"fourteen answered writes and a stale read", func() string {
		var b strings.Builder
		b.WriteString("x register-0 1 2 write(\"a\") => ok\n")
		for i := range 14 {
			fmt.Fprintf(&b, "%d register-0 %d %d write(\"v%d\") => ok\n", i, 10+i, 100+i, i)
		}
		b.WriteString("x register-0 200 201 read() => \"a\"\n")
		return b.String()
	}, Violation},
	{"nine appends open across a kill, all answered, one read", func() string {
		var b strings.Builder
		for i := range 9 {
			fmt.Fprintf(&b, "%d list-0 %d ? @%d append(\"v%d\") => ok\n", i, 10+i, 100+i, i)
		}
		b.WriteString("kill 50 51\nx list-0 200 201 get() => [\"v3\",\"v1\",\"v2\",\"v8\",\"v0\",\"v4\",\"v7\",\"v5\",\"v6\"]\n")
		return b.String()
	}, Pass},
	{"twenty sets of a map, all answered, one of them cleared", func() string {
		var b strings.Builder
		for i := range 20 {
			fmt.Fprintf(&b, "%d map-0 %d %d set(\"k\",\"v%d\") => ok\n", i, 10+i, 100+i, i)
		}
		b.WriteString("x map-0 150 151 clearAll() => {\"k\":\"v7\"}\n")
		return b.String()
	}, Pass},
	{"twenty additions that fail, across a reset", func() string {
		var b strings.Builder
		for i := range 20 {
			fmt.Fprintf(&b, "%d counter-0 %d %d addThenFail(1) => error(500)\n", i, 10+i, 100+i)
		}
		b.WriteString("x counter-0 50 51 reset() => ok\nx counter-0 200 201 get() => 21\n")
		return b.String()
	}, Violation},
	{"thirty ambiguous additions and resets", func() string {
		var b strings.Builder
		for i := range 30 {
			fmt.Fprintf(&b, "%d counter-0 %d ? %s\n", i, 10+i, []string{"add(1)", "reset()"}[i%2])
		}
		b.WriteString("x counter-0 200 201 get() => 15\nx counter-0 202 203 get() => 14\n")
		return b.String()
	}, Violation},
}

func TestHardHistoriesAreDecidedAtOnce(t *testing.T) {
	for _, s := range hard {
		t.Run(s.name, func(t *testing.T) {
			h := history(t, s.history())
			r := Check(h, Options{SecondOpinion: -1})
			require.Equal(t, s.verdict, r.Verdict, r.Reason)
			assert.NotEqual(t, ByPorcupine, r.Objects[0].Resolved.By)
			r = Check(h, Options{})
			require.Equal(t, s.verdict, r.Verdict, r.Reason)
			for _, second := range []int{-1, 0} {
				c := newCheck(h, Options{SecondOpinion: second})
				c.effort = unbounded()
				require.Equal(t, s.verdict, c.decide(r.Objects[0].Object.Kind, objectsOf(h)[0].records).Verdict)
				assert.Less(t, c.effort.used(), int64(perSecond))
			}
		})
	}
}

func TestDisagreementOfCheckersIsIllFormed(t *testing.T) {
	f := finding{Judgement: Judgement{Verdict: Pass, By: ByZones, Second: Violation}}
	f.compare()
	assert.Equal(t, IllFormed, f.Verdict)
	assert.Contains(t, f.reason, "the checkers disagree: zones says pass, porcupine says violation")
	for _, second := range []Verdict{"", Pass, Undecided} {
		f := finding{Judgement: Judgement{Verdict: Pass, By: ByZones, Second: second}}
		f.compare()
		assert.Equal(t, Pass, f.Verdict)
		assert.Empty(t, f.reason)
	}
}

func TestViolationIsFoundBesideAnUndecidedObject(t *testing.T) {
	h := explosive(t, 24)
	text := history(t, "0 counter-0 1 2 add(1) => 0->1\n0 counter-0 3 4 get() => 0")
	join(h, text, 7)
	r := Check(h, Options{Budget: 500 * time.Millisecond})
	assert.Equal(t, Violation, r.Verdict)
	assert.Equal(t, "counter-7: an acknowledged add is missing", r.Reason)
}
