package harness

import (
	"fmt"
	"path/filepath"
	"testing"

	"retain/model"
)

// BenchmarkRecordOperation records what an operation of the load leaves on record.
func BenchmarkRecordOperation(b *testing.B) {
	rec, err := newRecorder(filepath.Join(b.TempDir(), "h"), model.Header{Version: model.HistoryVersion, Run: "run"})
	if err != nil {
		b.Fatal(err)
	}
	o := model.Object{Kind: model.Register, N: 1000}
	n := 0
	for b.Loop() {
		n++
		id, _ := rec.call(model.Called{Process: fmt.Sprint(n), Phase: model.Load, Object: o, Op: `write("w1.1")`, Key: fmt.Sprintf("run-load-1-%d", n)})
		_ = rec.record(func(at model.Instant) model.Event { return model.Attempting{Instant: at, ID: id, N: 1} })
		for _, reading := range []string{"entered", "effect", "finished"} {
			_ = rec.record(func(at model.Instant) model.Event {
				return model.Seen{Instant: at, ID: id, Invocation: "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz", Entry: 1, Reading: reading}
			})
		}
		_ = rec.record(func(at model.Instant) model.Event {
			return model.Attempted{Instant: at, ID: id, N: 1, Wrote: true, Status: 200}
		})
		if err := rec.record(func(at model.Instant) model.Event {
			return model.Returned{Instant: at, ID: id, Outcome: model.OK, Answer: "ok"}
		}); err != nil {
			b.Fatal(err)
		}
	}
	_, _ = rec.close()
}
