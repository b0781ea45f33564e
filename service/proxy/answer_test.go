package proxy

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"retain/service"
)

// serveAnswer runs one attempt's answer through an attempt of p.
func serveAnswer(t *testing.T, p *Proxy, v protocol, r io.Reader, to *sink) (*answer, *attempt, error) {
	t.Helper()
	a := p.enter(v, "op", "inv_1", never)
	require.NoError(t, a.pass(t.Context(), service.Before, func() { a.report(service.Entered) }))
	n := &answer{attempt: a, ctx: t.Context(), w: to, flush: to.flush}
	err := n.copy(r)
	a.leave(n.closing == suspension)
	return n, a, err
}

// The runtime gets what the handler sent, byte for byte, and the readings come
// in order.
func TestAnswerIsForwardedUnchangedWithEvidence(t *testing.T) {
	for _, v := range versions {
		ty := v.types()
		get, set := message(ty.get, 0, []byte("k")), message(ty.set, 0, []byte("kv"))
		done := slices.Concat(outputMessage(), message(ty.end, 0, nil))
		for name, c := range map[string]struct {
			stream []byte
			want   []string
		}{
			"write":               {slices.Concat(get, set, done), []string{"entered", "effect", "finished"}},
			"clear":               {slices.Concat(message(ty.clear, 0, []byte("k")), done), []string{"entered", "effect", "finished"}},
			"several":             {slices.Concat(set, message(ty.clearAll, 0, nil), set, done), []string{"entered", "effect", "finished"}},
			"read":                {slices.Concat(get, done), []string{"entered", "finished"}},
			"no output":           {slices.Concat(set, message(ty.end, 0, nil)), []string{"entered", "effect", "finished"}},
			"suspended":           {slices.Concat(set, message(ty.suspension, 0, []byte{0x0a, 0})), []string{"entered", "effect"}},
			"failed":              {slices.Concat(set, failureMessage(v, 0)), []string{"entered", "effect"}},
			"unknown":             {slices.Concat(message(0x0bad, 3, []byte("?")), get, done), []string{"entered", "finished"}},
			"end missing":         {slices.Concat(set, outputMessage()), []string{"entered", "effect"}},
			"torn":                {slices.Concat(get, outputMessage()[:5]), []string{"entered"}},
			"set only looks like": {slices.Concat(message(0x8000|ty.set, 0, nil), done), []string{"entered", "finished"}},
		} {
			t.Run(testName(t, v)+"/"+name, func(t *testing.T) {
				splits(c.stream, func(at int, r io.Reader) {
					p, to := testProxy(), &sink{}
					seen := observe(p)
					_, _, err := serveAnswer(t, p, v, r, to)
					require.NoError(t, err)
					assert.Equal(t, c.stream, to.written, "split at %d", at)
					assert.Equal(t, c.want, seen.of("op"), "split at %d", at)
				})
			})
		}
	}
}

// Since version 7 an error message can end the invocation: it is its output.
func TestFinalFailureFinishesTheInvocation(t *testing.T) {
	set := message(protocol(7).types().set, 0, []byte("kv"))
	for behavior, want := range map[uint64][]string{
		0: {"entered", "effect"}, // try again
		1: {"entered", "effect"}, // pause
		2: {"entered", "effect", "finished"},
	} {
		splits(slices.Concat(set, failureMessage(7, behavior)), func(at int, r io.Reader) {
			p, to := testProxy(), &sink{}
			seen := observe(p)
			_, _, err := serveAnswer(t, p, 7, r, to)
			require.NoError(t, err)
			assert.Equal(t, slices.Concat(set, failureMessage(7, behavior)), to.written)
			assert.Equal(t, want, seen.of("op"), "behavior %d split at %d", behavior, at)
		})
	}
}

// Before version 7 that field means nothing.
func TestFailureBeforeVersion7IsNotFinal(t *testing.T) {
	p := testProxy()
	seen := observe(p)
	_, _, err := serveAnswer(t, p, 6, bytes.NewReader(failureMessage(6, 2)), &sink{})
	require.NoError(t, err)
	assert.Equal(t, []string{"entered"}, seen.of("op"))
}

// State commands that are replayed to an attempt were an earlier one's effect.
func TestReplayedEffectIsReportedAgain(t *testing.T) {
	p, to := testProxy(), &sink{}
	seen := observe(p)
	a := p.enter(6, "op", "inv_1", never)
	a.journal.replay(state)
	n := &answer{attempt: a, ctx: t.Context(), w: to, flush: to.flush}
	require.NoError(t, n.copy(bytes.NewReader(slices.Concat(outputMessage(), message(3, 0, nil)))))
	assert.Equal(t, []string{"effect", "finished"}, seen.of("op"))
}

// An attempt held after its effect has given the runtime all of its state
// commands, with the wish to acknowledge them, and nothing of its output.
func TestGateAfterHoldsTheOutput(t *testing.T) {
	for _, v := range versions {
		t.Run(testName(t, v), func(t *testing.T) {
			ty := v.types()
			get := message(ty.get, 0, []byte("k"))
			stream := slices.Concat(get, message(ty.set, 0, []byte("kv")), message(ty.clearAll, 0, nil),
				outputMessage(), message(ty.end, 0, nil))
			before := slices.Concat(get, message(ty.set, ackFlag, []byte("kv")), message(ty.clearAll, ackFlag, nil))
			whole := slices.Concat(before, outputMessage(), message(ty.end, 0, nil))
			splits(stream, func(at int, r io.Reader) {
				p, to := testProxy(), &sink{}
				seen := observe(p)
				g := p.Arm("op", service.After)
				a := p.enter(v, "op", "inv_1", never)
				n := &answer{attempt: a, ctx: t.Context(), w: to, flush: func() error {
					defer acknowledge(a, to)
					return to.flush()
				}}
				done := make(chan error, 1)
				go func() { done <- n.copy(r) }()
				<-g.Held()
				assert.Equal(t, before, to.bytes(), at)
				assert.Equal(t, []string{"effect!"}, seen.of("op"))
				g.Open()
				require.NoError(t, <-done)
				assert.Equal(t, whole, to.bytes(), at)
				assert.Equal(t, []string{"effect!", "finished"}, seen.of("op"))
				assert.Zero(t, p.Stats().Unacknowledged)
			})
		})
	}
}

// acknowledge is a runtime that acknowledges each command that asks for it, once
// it has all of it.
func acknowledge(a *attempt, to *sink) {
	var scan scanner
	index, asks := uint32(0), false // the input has place 0
	for b := to.bytes(); len(b) > 0; {
		p, rest, ok := scan.next(b)
		b = rest
		if ok && p.begins && a.version.kind(p.head.typ()).isCommand() {
			index++
			asks = p.head.flags()&ackFlag != 0
		}
		if ok && p.ends && asks {
			a.journal.ack(index)
		}
	}
}

// A runtime that does not acknowledge does not keep a gate from holding.
func TestUnacknowledgedHoldIsCounted(t *testing.T) {
	p, to := testProxy(), &sink{}
	g := p.Arm("op", service.After)
	a := p.enter(6, "op", "inv_1", never)
	n := &answer{attempt: a, ctx: t.Context(), w: to, flush: to.flush}
	done := make(chan error, 1)
	go func() {
		done <- n.copy(bytes.NewReader(slices.Concat(message(0x0403, 0, nil), outputMessage(), message(3, 0, nil))))
	}()
	a.journal.close(true) // request/response mode
	<-g.Held()
	g.Open()
	require.NoError(t, <-done)
	assert.EqualValues(t, 1, p.Stats().Unacknowledged)
}
