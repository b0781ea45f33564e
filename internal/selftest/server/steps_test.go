package server_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/internal/poll"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/versions"
)

// refusedStep is a step between two releases that the file of differences says is refused.
type refusedStep struct {
	from, to string
	with     map[string]string
	says     string
	exit     *int
}

// refusedSteps are those of the refusals and gaps of the file, between the releases on which
// each was measured.
func refusedSteps() (out []refusedStep) {
	add := func(sources []versions.Source, s refusedStep, from, to versions.Range) {
		var measured []string
		for _, source := range sources {
			measured = append(measured, source.Measured...)
		}
		for _, s.from = range measured {
			for _, s.to = range measured {
				if from.Has(s.from) && to.Has(s.to) {
					out = append(out, s)
				}
			}
		}
	}
	for _, r := range versions.All().Refusals {
		add(r.Sources, refusedStep{with: r.With, says: r.Says, exit: r.Exit}, r.From, r.To)
	}
	for _, g := range versions.All().Gaps {
		add(g.Sources, refusedStep{says: g.Says, exit: &g.Exit}, g.From, g.To)
	}
	return out
}

// Each step that the file of differences says is refused is refused by real servers, in these
// words and with this exit code; and the version that wrote the data shows all of it again.
func TestRefusedStepsAreThoseOfRealServers(t *testing.T) {
	selftest.Nightly(t, "3 min")
	steps := refusedSteps()
	require.GreaterOrEqual(t, len(steps), len(versions.All().Refusals)+len(versions.All().Gaps), "each was measured on a pair of releases")
	for _, s := range steps {
		t.Run(fmt.Sprintf("%s to %s with %d settings", s.from, s.to, len(s.with)), func(t *testing.T) { s.isRefused(t) })
	}
}

func (s refusedStep) isRefused(t *testing.T) {
	ctx := t.Context()
	sys, err := suite.Native(t)(ctx, runtime.Settings{Version: s.from, Partitions: 1, Env: s.with})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, sys.Runtime.Close(context.WithoutCancel(ctx)))
		sys.Close()
	})
	_, err = sys.Runtime.Provide(ctx, s.to)
	require.NoError(t, err)
	require.NoError(t, sys.Boot(ctx))
	require.NoError(t, ready(ctx, sys, harness.DefaultBounds.Recovery))
	require.Equal(t, model.Done{}, try(ctx, sys, model.RegisterWrite{Value: "v1"}).Answer)
	_, err = sys.Runtime.Stop(ctx)
	require.NoError(t, err)
	before, err := sys.Runtime.Logs(0)
	require.NoError(t, err)

	require.NoError(t, sys.Runtime.Start(ctx, runtime.StartOptions{Version: s.to}))
	bounded, cancel := context.WithTimeout(ctx, harness.DefaultBounds.Recovery)
	defer cancel()
	assert.NoError(t, poll.Until(bounded, 100*time.Millisecond, func() error {
		log, err := sys.Runtime.Logs(int64(len(before)))
		if err == nil && !(versions.Refusal{Says: s.says}).In(string(log)) {
			err = errors.New("the log does not say: " + s.says)
		}
		return err
	}))
	exiter := sys.Runtime.(runtime.Exiter)
	if s.exit != nil {
		select {
		case <-exiter.Exited():
		case <-bounded.Done():
		}
		exit, ended := exiter.LastExit()
		assert.True(t, ended && exit.Code == *s.exit, "%+v", exit)
	} else {
		assert.Error(t, ready(ctx, sys, 3*time.Second), "it is not served")
	}
	if err := sys.Runtime.Kill(ctx); !errors.Is(err, runtime.ErrState) {
		require.NoError(t, err)
	}

	require.NoError(t, sys.Runtime.Start(ctx, runtime.StartOptions{}))
	require.NoError(t, ready(ctx, sys, harness.DefaultBounds.Recovery))
	assert.Equal(t, model.Text("v1"), try(ctx, sys, model.RegisterRead{}).Answer)
}

// ready waits until the server of a system answers.
func ready(ctx context.Context, sys *harness.System, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return ingress.AwaitReady(ctx, sys.Runtime.Endpoints(), sys.Prober(), nil, ingress.Milestones{})
}

// try executes an operation once.
func try(ctx context.Context, sys *harness.System, op model.Operation) ingress.Result {
	c := ingress.New(sys.Runtime.Endpoints())
	defer c.Close()
	return c.Try(ctx, ingress.Call{ObjectKey: "k", Op: op})
}
