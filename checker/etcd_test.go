package checker

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/model"
)

// etcdHistories are the histories of an etcd register that Jepsen recorded, as
// porcupine's module carries them as test data (test_data/jepsen, which has them
// from ahorn/linearizability-checker): 61 to 79 operations of five clients, values
// 0 to 4 written again and again, what timed out left open. A compare-and-set that
// did not match does not tell what it saw there, so it is left out, as a failed
// operation.
func etcdHistories(t testing.TB) []*model.History {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anishathalye/porcupine").Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "test_data", "jepsen", "etcd_*.log"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "porcupine's module has its test data")
	var out []*model.History
	for _, file := range files {
		if h := etcdHistory(t, file); len(h.Operations) > 0 {
			out = append(out, h)
		}
	}
	return out
}

var jepsenLine = regexp.MustCompile(`^INFO\s+jepsen\.util\s+-\s+(\d+)\s+:(invoke|ok|fail|info)\s+:(read|write|cas)\s+(.*)$`)

func etcdHistory(t testing.TB, path string) *model.History {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	h := &model.History{Header: model.Header{Version: 1, Run: filepath.Base(path)}, Ended: true}
	pending, seq := map[string]*model.Invoked{}, int64(0)
	var all []*model.Invoked
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f := jepsenLine.FindStringSubmatch(lines.Text())
		if f == nil {
			continue
		}
		seq++
		now := model.Instant{Seq: seq, Ns: seq}
		if f[2] == "invoke" {
			o := &model.Invoked{Process: fmt.Sprintf("%s.%d", f[1], seq), Phase: model.Program, Object: model.Object{Kind: model.Register}, Op: jepsenOperation(f[3], f[4]),
				Call: now, Return: model.Forever, Outcome: model.Ambiguous, Reason: model.TimedOut}
			o.Attempts = []model.Attempt{{N: 1, Start: now, End: model.Forever, Wrote: true, Reason: model.LeftOpen}}
			pending[f[1]], all = o, append(all, o)
			continue
		}
		o := pending[f[1]]
		delete(pending, f[1])
		switch {
		case f[2] == "ok":
			o.Outcome, o.Reason, o.Return, o.Answer = model.OK, "", now, jepsenAnswer(o.Op, f[4])
		case f[2] == "fail" && f[3] == "cas":
			o.Outcome = model.Failed
		}
	}
	for _, o := range all {
		if o.Outcome != model.Failed {
			o.ID = len(h.Operations) + 1
			h.Operations = append(h.Operations, *o)
		}
	}
	require.NoError(t, h.Validate(), path)
	return h
}

func jepsenOperation(name, arguments string) model.Operation {
	switch name {
	case "read":
		return model.RegisterRead{}
	case "write":
		return model.RegisterWrite{Value: arguments}
	}
	var expect, value string
	fmt.Sscanf(strings.Trim(arguments, "[]"), "%s %s", &expect, &value)
	return model.RegisterCompareAndSet{Expect: expect, Value: value}
}

func jepsenAnswer(op model.Operation, arguments string) model.Answer {
	switch op := op.(type) {
	case model.RegisterCompareAndSet:
		return model.Text(op.Expect)
	case model.RegisterRead:
		if arguments == "nil" {
			return model.Text("")
		}
		return model.Text(arguments)
	}
	return model.Done{}
}

// plainPorcupine is porcupine without anything of ours before it: each operation is
// one, and a state is a string.
func plainPorcupine(h *model.History, most time.Duration) (Verdict, time.Duration) {
	b := objectsOf(h)[0]
	m := porcupine.Model{
		Init: func() any { return b.Kind.Initial() },
		Step: func(state, input, _ any) (bool, any) {
			r := input.(record)
			next, answer := r.op.Apply(state.(model.State))
			return r.answer == nil || r.answer.Equal(answer), next
		},
		Equal: func(a, b any) bool { return a.(model.State).Equal(b.(model.State)) },
		Hash:  func(s any) uint64 { return s.(model.State).Hash() },
	}
	began := time.Now()
	switch porcupine.CheckOperationsTimeout(m, operationsOf(b.records, nil), most) {
	case porcupine.Ok:
		return Pass, time.Since(began)
	case porcupine.Illegal:
		return Violation, time.Since(began)
	}
	return Undecided, time.Since(began)
}

// TestRecordedEtcdHistories are judged as porcupine judges them, and in about its time:
// both sums are taken in one run, of the least of two tries for ours, or of five where
// another process took the processor.
func TestRecordedEtcdHistories(t *testing.T) {
	if selftest.Race {
		t.Skip("the race detector slows the two sides by different factors")
	}
	all := etcdHistories(t)
	require.Len(t, all, 102)
	var plain, ours, proof time.Duration
	for _, h := range all {
		want, took := plainPorcupine(h, time.Minute)
		best, explained := time.Hour, time.Hour
		for try := 0; try < 2 || try < 5 && (best >= took+100*time.Millisecond || explained >= time.Second); try++ {
			r := Check(h, unhurried)
			require.Equal(t, want, r.Verdict, h.Run)
			o := r.Objects[0]
			best, explained = min(best, o.Resolved.Cost), min(explained, r.Cost-o.Resolved.Cost)
		}
		assert.Less(t, best, took+100*time.Millisecond, h.Run)
		assert.Less(t, explained, time.Second, h.Run)
		plain, ours, proof = plain+took, ours+best, max(proof, explained)
	}
	t.Logf("porcupine %s, verdicts %s, the longest proof %s", plain, ours, proof)
	assert.LessOrEqual(t, float64(ours), 1.5*float64(plain))
}
