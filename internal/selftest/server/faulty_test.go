package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/compare"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/internal/selftest/faulty"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/report"
	"retain/runtime"
	"retain/runtime/container"
	"retain/service"
	"retain/service/deployment"
	"retain/service/reference"
)

// brokenAttempt is how a finding names an attempt that ended without a result, and one after it.
const brokenAttempt = `operation \d+, add(ThenFail)?\(\d+\) of [^:]+: attempt 1 .*broken at \d+ ms`

// disturbed are the arguments of a default session on handlers of others, with one seed.
func disturbed(s *reference.Server) []string {
	return []string{"-test.run", "^TestProperties$", "-test.timeout", "10m", "-runtime", "process", "-deployment", s.URL(""),
		"-service.faults", "0.35", "-shrink.budget", "0", "-rapid.seed", "1"}
}

// A default session finds each bug that shows with a second attempt of a call, and its finding
// names the attempts, in the terminal and on its page.
func TestBugsOfHandlersThatASecondAttemptShowsAreFound(t *testing.T) {
	selftest.Nightly(t, "9 min")
	for _, b := range faulty.Bugs() {
		if b == faulty.KeepsInMemory {
			continue // it takes another process
		}
		t.Run(string(b), func(t *testing.T) {
			c := suite.New(t, nil, disturbed(suite.Faulty(t, b))...)
			require.Error(t, c.Run(), c.Text())
			t.Log(c.Text())
			assert.Regexp(t, `(?m)^violation  `, c.Text())
			assert.Regexp(t, `(?m)^attempts   `+brokenAttempt, c.Text())
			pages, err := filepath.Glob(filepath.Join(c.Dir, "testdata", "findings", "*", "report.html"))
			require.NoError(t, err)
			require.NotEmpty(t, pages)
			page, err := os.ReadFile(pages[0])
			require.NoError(t, err)
			assert.Regexp(t, brokenAttempt, string(page))
		})
	}
}

// The same handlers without a bug pass the same plans.
func TestHandlersWithoutABugPassUnderFaultsOfTheService(t *testing.T) {
	selftest.Nightly(t, "90 s")
	c := suite.New(t, nil, disturbed(suite.Faulty(t, faulty.None))...)
	require.NoError(t, c.Run(), c.Text())
	assert.Contains(t, c.Text(), "· 0 violation · 0 undecided · 0 harness")
}

// started opens native servers whose handlers are in a process that the suite may kill.
func started(t *testing.T, s *reference.Server) harness.Open {
	open := calling(t, s.URL(""))
	return func(ctx context.Context, settings runtime.Settings) (*harness.System, error) {
		sys, err := open(ctx, settings)
		if err == nil {
			sys.Service = staying{s}
		}
		return sys, err
	}
}

// staying is a process that comes back at its address in any case: the endpoint proxy has been
// told that, and no process.
type staying struct{ *reference.Server }

func (s staying) Restart(ctx context.Context, _ bool) error { return s.Server.Restart(ctx, false) }

// counted is what plans for these handlers are drawn with.
func counted(t *testing.T, s *reference.Server) generators.Options {
	found, err := deployment.Discover(t.Context(), service.Backend{URL: s.URL("")}, time.Second)
	require.NoError(t, err)
	return generators.Options{
		StartConfigs: true, Scheduled: true, VQueues: true, Loads: generators.Loads{Share: 0.5}, ServiceFaults: 0.35, Exclude: harness.Unserved(found.Contract),
	}
}

// restarts reports whether a plan restarts the service.
func restarts(p generators.Plan) bool {
	return slices.ContainsFunc(p.Steps, func(s generators.Step) bool {
		f, _ := s.(generators.Inject)
		return f.Fault == model.Crash || f.Fault == model.Move
	})
}

// State in the memory of the process is gone when that is killed and started again. The
// finding shows this between the addition and the answer that misses it.
func TestStateInMemoryOfHandlersIsFound(t *testing.T) {
	selftest.Long(t, "15 s")
	s := suite.Faulty(t, faulty.KeepsInMemory)
	o := counted(t, s)
	first := 0
	for !restarts(generators.Draw(1, first, o)) { // a session of this seed comes to it later
		first++
	}
	result, err := session.Conduct(t.Context(), session.Options{
		Open: started(t, s), Draw: func(n int) generators.Plan { return generators.Draw(1, first+n, o) }, Plans: 10, Bounds: harness.DefaultBounds,
		Base: runtime.Settings{Version: runtime.DefaultVersion}, Dir: t.TempDir(), Late: -1,
	})
	require.NoError(t, err)
	require.Equal(t, harness.Violation, result.Verdict, "%v", result.Failures)
	rows := report.Finding(result.Failures[0], report.Context{}).String()
	t.Log(rows)
	assert.Regexp(t, `-{12} (crash|move) -{12}`, rows)
}

// addCutGet is an addition whose first attempt is cut after its effect, and a read.
func addCutGet() generators.Plan {
	counter := model.Object{Kind: model.Counter}
	return generators.Plan{Config: generators.Config{Partitions: 1}, Steps: []generators.Step{
		generators.Operate{ID: 1, Client: 0, Object: counter, Op: model.CounterAdd{Delta: 2}},
		generators.Inject{ID: 2, Fault: model.Cut, When: generators.AtGate{Step: 1, After: true}},
		generators.Operate{ID: 3, Client: 0, Object: counter, Op: model.CounterGet{}},
	}}
}

// loadRefused is a load whose attempts in flight are all broken once, when it is well under way.
func loadRefused() generators.Plan {
	p := addCutGet()
	p.Load = generators.Load{Clients: 16, Objects: 16, Seed: 1, Operations: []string{"counter add", "counter get"}, Reads: 10}
	add := p.Steps[0].(generators.Operate)
	p.Steps = nil
	for id := range 10 {
		add.ID = id + 1
		p.Steps = append(p.Steps, add)
	}
	p.Steps = append(p.Steps, generators.Inject{ID: 11, Fault: model.Refuse, When: generators.InFlight{Operations: 12}}, generators.Inject{ID: 12, Fault: model.Accept, When: generators.InPlace{}})
	return p
}

// The same plan tells handlers with a bug from right ones.
func TestComparisonTellsHandlersWithABugFromOthers(t *testing.T) {
	selftest.Nightly(t, "90 s")
	crash := addCutGet()
	crash.Steps[1] = generators.Inject{ID: 2, Fault: model.Crash, When: generators.InPlace{}}
	for b, p := range map[faulty.Bug]generators.Plan{
		faulty.AppliesTwice:  addCutGet(),
		faulty.AnswersStale:  addCutGet(),
		faulty.KeepsInMemory: crash,
		faulty.SwallowsError: loadRefused(),
	} {
		t.Run(string(b), func(t *testing.T) {
			s := suite.Faulty(t, b)
			of := session.Options{Base: runtime.Settings{Version: runtime.DefaultVersion}, Bounds: harness.DefaultBounds, Dir: t.TempDir(), Exclude: counted(t, s).Exclude}
			own, mine := of, of
			own.Open, mine.Open = suite.Native(t), started(t, s)
			r := compare.Conduct(t.Context(), compare.Options{
				Versions: []compare.Version{{Name: "go", Session: own}, {Name: "mine", Session: mine}}, Axis: compare.SDKs, Plan: p, Time: 5 * time.Minute, Most: 12,
			})
			assert.Equal(t, "only mine, not go", r.Answer.String(), "%+v", r.Versions)
		})
	}
}

// A user names the handlers by their URL, what it takes to call them, and those of an image beside
// them.
func TestCompareFlagTellsHandlersWithABugFromOthers(t *testing.T) {
	selftest.Long(t, "40 s")
	t.Parallel()
	target := forward(t, suite.Faulty(t, faulty.AppliesTwice).URL(""))
	gate := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer 16" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		target.ServeHTTP(w, r)
	}))
	gate.Config.Protocols = new(http.Protocols)
	gate.Config.Protocols.SetUnencryptedHTTP2(true)
	gate.Start()
	t.Cleanup(func() {
		gate.CloseClientConnections()
		gate.Close()
	})
	sdks, not := "go,mine="+gate.URL, "go"
	args := []string{"-test.run", "^TestCompare$", "-test.timeout", "10m", "-runtime", "process", "-plan", "cut.json", "-deployment.header", "Authorization=$AUTH"}
	env := ""
	if container.Available(t.Context()) == nil { // CI has Docker
		sdks, not, env = sdks+",built=image:"+suite.OfficialImage(t), "go and built", "PORT=9123\n"
		args = append(args, "-service.env-file", "handlers.env")
	}
	c := suite.New(t, []string{"AUTH=Bearer 16"}, append(args, "-sdks", sdks)...)
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "cut.json"), generators.Encode(addCutGet()), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "handlers.env"), []byte(env), 0o644))
	require.Error(t, c.Run())
	t.Log(c.Text())
	assert.Regexp(t, `(?m)^violation  only mine, not `+not+`  `, c.Text())
	assert.Contains(t, c.Text(), "replay     go test -run Replay -plan cut.json -deployment="+gate.URL+" '-deployment.header=Authorization=$AUTH' -runtime=process\n")
}
