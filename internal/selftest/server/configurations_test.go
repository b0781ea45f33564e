package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/introspect"
	"retain/service"
	"retain/service/proxy"
)

// What a server does shows its configuration: its partition processors, the state that
// it sends along, the streams that it closes before the handler ends them, the
// invocations that it suspends, the timers that it reads from its store, its virtual queues. That the configuration was parsed would not show this.
func TestEachConfigurationHasAnEffect(t *testing.T) {
	eachHasEffect(t, runtime.DefaultVersion)
}

func TestEachConfigurationHasAnEffectInOtherVersions(t *testing.T) {
	selftest.Nightly(t, "40 s")
	for _, version := range []string{"1.5.3", "1.6.1", "1.6.2", "1.7.2"} {
		t.Run(version, func(t *testing.T) { eachHasEffect(t, version) })
	}
}

func eachHasEffect(t *testing.T, version string) {
	for _, c := range generators.Servers() {
		if c.VQueues && !generators.HasVQueues(version) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			hasEffect(t, version, c)
		})
	}
}

// One server on one data directory has another configuration at each start: what it
// does afterwards is of that start alone, and its data stay.
func TestConfigurationChangesFromStartToStart(t *testing.T) {
	selftest.Long(t, "10 s")
	changesConfigurations(t, runtime.DefaultVersion)
}

func TestConfigurationChangesFromStartToStartInOtherVersions(t *testing.T) {
	selftest.Long(t, "20 s")
	t.Parallel()
	for _, version := range []string{"1.5.3", "1.6.1"} {
		t.Run(version, func(t *testing.T) { changesConfigurations(t, version) })
	}
}

func changesConfigurations(t *testing.T, version string) {
	s := provisioned(t, version, generators.Provision{Partitions: 4})
	for i, c := range []generators.StartConfig{
		{State: generators.LazyState, Suspension: generators.SuspendNever},
		{State: generators.EagerState, Suspension: generators.SuspendNever},
		{State: generators.EagerState, Suspension: generators.SuspendAtOnce},
		{State: generators.LazyState, Suspension: generators.SuspendAtOnce},
		{State: generators.EagerState, Suspension: generators.SuspendSoon},
		{State: generators.LazyState, Suspension: generators.SuspendNever},
	} {
		switch {
		case i%2 == 1:
			require.NoError(t, s.runtime.Kill(t.Context()))
		case i > 0:
			_, err := s.runtime.Stop(t.Context())
			require.NoError(t, err)
		}
		s.start(t, c)
		s.shows(t, c)
		s.processes(t, 4)
		result := s.client.Try(t.Context(), ingress.Call{ObjectKey: "k", Op: model.CounterGet{}})
		require.NotNil(t, result.Answer, result.Detail)
		assert.Equal(t, fmt.Sprint(s.added), result.Answer.String(), "what was written with every configuration")
	}
}

// calls is the number of operations that a server is observed in, and one more is held.
const calls = 10

func hasEffect(t *testing.T, version string, c generators.Server) {
	s := provisioned(t, version, c.Provision)
	s.start(t, c.Start)
	s.shows(t, c.Start)
	s.processes(t, c.Partitions)
	if version == runtime.DefaultVersion && !c.VQueues { // older ones do not count these reads
		assert.Equal(t, c.Start.OneTimer, s.readsTimers(t), "timers are read from the store")
	}
	if generators.HasVQueues(version) {
		assert.Equal(t, c.VQueues, s.queues(t), "invocations are in virtual queues")
	}
}

// What is provisioned holds at every start, whatever the start itself changes.
func TestVQueuesStayFromStartToStart(t *testing.T) {
	staysInQueues(t, runtime.DefaultVersion)
}

func TestVQueuesStayFromStartToStartInOtherVersions(t *testing.T) {
	selftest.Long(t, "10 s")
	staysInQueues(t, "1.7.2")
}

func staysInQueues(t *testing.T, version string) {
	s := provisioned(t, version, generators.Provision{Partitions: 4, VQueues: true})
	for _, c := range []generators.StartConfig{
		{State: generators.EagerState, Suspension: generators.SuspendNever},
		{State: generators.LazyState, Suspension: generators.SuspendAtOnce},
		{State: generators.EagerState, Suspension: generators.SuspendNever},
	} {
		s.start(t, c)
		s.shows(t, c)
		assert.True(t, s.queues(t), "invocations are in virtual queues")
		require.NoError(t, s.runtime.Kill(t.Context()))
	}
}

// shows asserts that the server does what a start configuration says.
func (s *configuredServer) shows(t *testing.T, c generators.StartConfig) {
	before := s.proxy.Stats()
	for range calls {
		s.add(t, "")
	}
	after := s.proxy.Stats()
	since := func(count func(proxy.Stats) uint64) uint64 { return count(after) - count(before) }
	streams, partial := since(func(p proxy.Stats) uint64 { return p.Streams }), since(func(p proxy.Stats) uint64 { return p.Partial })
	asked, closed := since(func(p proxy.Stats) uint64 { return p.Asked }), since(func(p proxy.Stats) uint64 { return p.Closed })
	suspended := since(func(p proxy.Stats) uint64 { return p.Suspended })
	assert.Zero(t, after.Unread)
	require.GreaterOrEqual(t, streams, uint64(calls))

	lazy := c.Class().Lazy
	if lazy {
		assert.Equal(t, streams, partial, "no stream begins with the object's state")
		assert.GreaterOrEqual(t, asked, uint64(calls), "handlers ask for it")
	} else {
		assert.Zero(t, partial, "each stream begins with the object's state")
		assert.Zero(t, asked, "handlers ask for none")
	}

	const most = calls - 2 // under load some streams may differ
	switch c.Suspension {
	case generators.SuspendAtOnce:
		// A handler that is fast may answer before the end of its request arrives; the one that
		// is held can't.
		assert.Greater(t, closed, uint64(calls/2), "requests are whole before their answers")
	case generators.SuspendNever:
		assert.Zero(t, closed, "streams are open in both directions")
	default:
		assert.LessOrEqual(t, closed, uint64(calls-most), "streams of handlers that do not wait are open in both directions")
	}
	if lazy && c.Suspension == generators.SuspendAtOnce {
		assert.GreaterOrEqual(t, suspended, uint64(most), "a look at state suspends")
	} else {
		assert.LessOrEqual(t, suspended, uint64(calls-most))
	}
	s.held(t, after.Closed, c.Class().Suspending)
}

// configuredServer is a real server with the reference service, whose configuration is
// that of its last start.
type configuredServer struct {
	runtime runtime.Runtime
	deploy  func(context.Context, runtime.Endpoints) (harness.Deployed, error)
	proxy   *proxy.Proxy
	client  *ingress.Client // nil before the first start
	added   int             // calls of add
}

// provisioned makes a server, which is not started.
func provisioned(t *testing.T, version string, p generators.Provision) *configuredServer {
	sys, err := suite.Native(t)(t.Context(), runtime.Settings{Version: version, Partitions: p.Partitions, Env: p.Env()})
	require.NoError(t, err)
	s := &configuredServer{runtime: sys.Runtime, deploy: sys.Deploy, proxy: sys.Control.(*proxy.Proxy)}
	t.Cleanup(func() {
		if s.client != nil {
			s.client.Close()
		}
		assert.NoError(t, sys.Runtime.Close(context.WithoutCancel(t.Context())))
		sys.Close()
	})
	return s
}

// start starts the server with a configuration, on the data that it has.
func (s *configuredServer) start(t *testing.T, c generators.StartConfig) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(t, s.runtime.Start(ctx, runtime.StartOptions{Env: c.Env()}))
	ep := s.runtime.Endpoints()
	if s.client == nil {
		_, err := s.deploy(ctx, ep)
		require.NoError(t, err)
	} else {
		s.client.Close()
	}
	s.client = ingress.New(ep)
	var counter struct {
		Inactivity string `json:"inactivity_timeout"`
	}
	require.Eventually(t, func() bool {
		return ingress.Admin(ctx, ep, http.MethodGet, "/services/Counter", "", &counter) == nil
	}, time.Minute, 10*time.Millisecond, "the admin API does not answer")
	assert.Equal(t, c.Env()["RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT"], counter.Inactivity, "by the admin API")
}

// add adds 1 to a counter, which reads it first.
func (s *configuredServer) add(t *testing.T, tag string) {
	s.added++
	key := fmt.Sprint("add-", s.added)
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		return s.client.Try(ctx, ingress.Call{ObjectKey: "k", Op: model.CounterAdd{Delta: 1}, Tag: tag, IdempotencyKey: key}).Status == http.StatusOK
	}, time.Minute, 10*time.Millisecond, "no call went through")
}

// held asserts whether the server closes its side of a stream whose handler is silent.
func (s *configuredServer) held(t *testing.T, before uint64, closes bool) {
	const silence = 250 * time.Millisecond // five times as long as the shortest wait that is no wait
	tag := fmt.Sprint("held-", s.added)    // of this call alone
	gate := s.proxy.Arm(tag, service.After)
	defer gate.Open()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.add(t, tag)
	}()
	<-gate.Held()
	closed := func() bool { return s.proxy.Stats().Closed > before }
	if closes {
		assert.Eventually(t, closed, 20*time.Second, 10*time.Millisecond, "the stream of a silent handler is not closed")
	} else {
		assert.Never(t, closed, silence, silence/5, "the stream of a silent handler is closed")
	}
	gate.Open()
	<-done
}

// queues reports whether the invocation of the last call of add is in a virtual queue, by
// the server's tables.
func (s *configuredServer) queues(t *testing.T) bool {
	rows, err := introspect.Query(t.Context(), s.runtime.Endpoints(),
		fmt.Sprintf("SELECT vqueue_id FROM sys_invocation WHERE idempotency_key = 'add-%d'", s.added))
	require.NoError(t, err)
	require.Len(t, rows, 1)
	return rows[0].Text("vqueue_id") != ""
}

// nextTimers matches how many timers were read from the store because they were not in memory.
var nextTimers = regexp.MustCompile(`restate_rocksdb_perf_next_on_memtable_total\{[^}]*name="get-next-timers"[^}]*\} (\d+)`)

// readsTimers reports whether the server reads timers from its store while a hundred fire.
func (s *configuredServer) readsTimers(t *testing.T) bool {
	const timers, mailboxes = 100, 5
	read := func() string {
		if m := nextTimers.FindSubmatch(s.metrics()); m != nil {
			return string(m[1])
		}
		return "0"
	}
	before := read()
	for n := range timers {
		sent := ingress.Call{ObjectKey: fmt.Sprint("m", n%mailboxes), Op: model.MailboxSend{Value: fmt.Sprint("v", n), DelayMs: 1500}}
		require.NotNil(t, s.client.Try(t.Context(), sent).Answer)
	}
	require.Eventually(t, func() bool {
		fired := 0
		for n := range mailboxes {
			got, _ := s.client.Try(t.Context(), ingress.Call{ObjectKey: fmt.Sprint("m", n), Op: model.MailboxGet{}}).Answer.(model.Texts)
			fired += len(got)
		}
		return fired == timers
	}, time.Minute, 50*time.Millisecond, "the timers do not fire")
	return read() != before
}

// metrics are the server's, nil while it has none.
func (s *configuredServer) metrics() []byte {
	answer, err := http.Get(s.runtime.(runtime.Metered).Metrics())
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return text
}

// onePartition matches a partition in the server's metrics.
var onePartition = regexp.MustCompile(`restate_partition_\w+\{[^}]*\bpartition="(\d+)"`)

// processes asserts the number of partitions with a processor, by the server's metrics.
func (s *configuredServer) processes(t *testing.T, partitions int) {
	known := map[string]bool{}
	all := func() bool {
		for _, m := range onePartition.FindAllSubmatch(s.metrics(), -1) {
			known[string(m[1])] = true
		}
		return len(known) >= partitions
	}
	assert.Eventually(t, all, 30*time.Second, 50*time.Millisecond, "processors of %d partitions", partitions)
	assert.Len(t, known, partitions, "partitions with a processor")
}
