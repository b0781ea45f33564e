package checker

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/model"
)

// encoded is a history in its file form.
func encoded(h *model.History) []byte {
	type event struct {
		at int64
		model.Event
	}
	var events []event
	add := func(at model.Instant, e model.Event) { events = append(events, event{at.Seq, e}) }
	for _, o := range h.Operations {
		add(o.Call, model.Called{
			Instant: o.Call, ID: o.ID, Process: o.Process, Phase: o.Phase, Object: o.Object, Op: o.Op.String(), Key: o.Key,
		})
		if o.Return != model.Forever {
			answer := ""
			if o.Answer != nil {
				answer = o.Answer.String()
			}
			add(o.Return, model.Returned{Instant: o.Return, ID: o.ID, Outcome: o.Outcome, Reason: o.Reason, Answer: answer})
		}
		if r := o.Resolution; r != nil {
			add(r.At, model.ResolvedAs{Instant: r.At, ID: o.ID, By: r.By, Answer: r.Answer.String()})
		}
	}
	for _, f := range h.Faults {
		// Their times are those of a run, the operations' are not.
		begin, end := model.Instant{Seq: f.Begin.Seq, Ns: f.Begin.Seq}, model.Instant{Seq: f.End.Seq, Ns: f.End.Seq}
		add(begin, model.FaultBegan{Instant: begin, Kind: f.Kind})
		add(end, model.FaultEnded{Instant: end, Kind: f.Kind})
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	out := model.EncodeEvent(h.Header)
	for _, e := range events {
		out = append(out, model.EncodeEvent(e.Event)...)
	}
	return append(out, model.EncodeEvent(model.Ended{})...)
}

// FuzzChecker reads arbitrary histories and compares the verdict on short ones with brute
// force. Nothing may panic, and the checkers may not disagree.
func FuzzChecker(f *testing.F) {
	for _, s := range knownHistories {
		h := history(f, s.history)
		line := encoded(h)
		f.Add(line)
		back, err := model.ReadHistory(bytes.NewReader(line))
		require.NoError(f, err, s.name)
		require.Equal(f, s.verdict, Check(back, Options{}).Verdict, s.name)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := model.ReadHistory(bytes.NewReader(data))
		if err != nil || len(h.Operations) > 200 {
			return
		}
		r := Check(h, Options{Budget: time.Second, Memory: 64 << 20})
		if r.Verdict == IllFormed && h.Validate() == nil {
			t.Fatal(r.Reason)
		}
		var picture bytes.Buffer
		if err := WritePicture(&picture, h, r); (err == nil) != (r.Verdict == Violation) {
			t.Fatalf("%s: picture: %v", r.Verdict, err)
		}
		for _, o := range r.Objects {
			if o.Operations > 7 || o.Object.Kind == model.Map && h.IsShared(model.MapGet{}) {
				continue
			}
			if legal := bruteForce(h, o.Object, model.Resolved); o.Verdict == Undecided || legal != (o.Verdict == Pass) {
				t.Fatalf("%s: %s %s, brute force says legal: %t", o.Object, o.Verdict, o.Reason, legal)
			}
		}
	})
}

// FuzzShortHistories makes histories of up to seven operations out of any bytes,
// two for each: what it is, and when it returns.
func FuzzShortHistories(f *testing.F) {
	f.Add([]byte{0, 1, 0, 5, 1, 7, 3, 2, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		kind := decidedKinds[int(data[0])%4]
		letters := alphabet(kind)
		n := min(7, (len(data)-1)/2)
		var records []record
		for k := range n {
			r := letters[int(data[1+2*k])%len(letters)]
			r.id, r.call, r.ret = int32(k+1), int64(2*k), open
			if r.answer != nil {
				r.ret = int64(2*(k+int(data[2+2*k])%(n-k)) + 1)
			}
			records = append(records, r)
		}
		want := Violation
		if orders(records, 0, kind.Initial()) {
			want = Pass
		}
		if got := decideAll(kind, records); got.Verdict != want {
			t.Fatalf("%s says %s, brute force %s\n%s", got.By, got.Verdict, want, lines(records))
		}
		if v, _ := decideJIT(kind, records, ample()); v != want {
			t.Fatalf("jit says %s, brute force %s\n%s", v, want, lines(records))
		}
		if v := ample().run(kind, records); v != want {
			t.Fatalf("porcupine says %s, brute force %s\n%s", v, want, lines(records))
		}
	})
}
