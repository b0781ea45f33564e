package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/resources"
	"retain/runtime/serverlog"
	"retain/service"
)

// System is a runtime with the deployment that it calls. It is reused from plan
// to plan; each plan has object keys of its own.
type System struct {
	Runtime runtime.Runtime
	// Control holds operations at gates and reports evidence.
	Control service.Control
	// Service is the process of the handlers, nil where the suite did not start one.
	Service service.Process
	// Redeploy moves the deployment to another address and tells the server; nil where it
	// can't.
	Redeploy func(ctx context.Context, ep runtime.Endpoints) error
	// Nonce is what this deployment's probe answers, and no other's.
	Nonce string
	// Contract, Probe and SDK are those of [Deployed]. Deploy fills them in.
	Contract service.Contract
	Probe    ingress.Prober
	SDK      string
	// Deploy makes the deployment known to the runtime, whose ingress and admin
	// are up. It is called after the first start, again if the server's addresses
	// change meanwhile.
	Deploy func(ctx context.Context, ep runtime.Endpoints) (Deployed, error)
	// Alive says in one line why the handlers do not answer, nil if they do. It is nil for the
	// reference service in Go, which is in this process.
	Alive func(ctx context.Context) error
	// Close ends the deployment, after the runtime was closed.
	Close func()
	// Partitions is how many the server has, 0 if that is not known.
	Partitions int
	// Look says how much there is of what the server and this process use, Need what
	// a server of these settings needs at most. Without Look nothing is looked at.
	Look func() []resources.Level
	Need resources.Need
	// Widen takes a server of another version on the same data into Need, nil where
	// nothing is looked at.
	Widen func(version string)

	// Exclude is what plans are not drawn with. The harness does none of it itself either.
	Exclude generators.Exclusions

	// Config is what the server runs with, or was started with last. [System.Boot] starts
	// it with that; a plan with another one takes the server over, and its start steps
	// may change it.
	Config generators.StartConfig
	// Version is that which the server runs, or was started with last, by the name that a
	// plan gives it; "" is the runtime's own.
	Version string

	// Env is the environment that the server has at every start, as far as it is not retain's
	// own.
	Env map[string]string

	// Log reads the server's log.
	Log serverlog.Scanner
	// GiveUp is when the wait for its first readiness ends early.
	GiveUp GiveUp
	// Probed is true if runs record when the server answers.
	Probed bool
	// Retired is why no further plan may run on it, "" if one may.
	Retired string

	// reported are the versions that servers report, by the names that plans give them.
	reported map[string]string
	began    time.Time // of its first start
	answered bool      // it was ready once
	repeats  serverlog.Repeats

	looks handlerLooks // the zero value for the default ones

	up    bool // the runtime was started and not ended by us since
	plans int  // plans that ran on it
	// assigns is true if the server is known to assign keys to partitions as
	// [ingress.PartitionOf] has it, once it was asked.
	asked, assigns bool
	// watch looks at the server's resources while it is open, nil for not at all.
	watch *resources.Watch
}

// Deployed is what a deployment serves, as the server knows it.
type Deployed struct {
	// Contract is its handlers.
	Contract service.Contract
	// Probe makes the probes of a deployment that has none of its own and so knows no
	// nonce; nil for one that does.
	Probe ingress.Prober
	// SDK names that of the handlers and its version, as the server's record of the deployment
	// has them: "sdk go 1.2.0"; "" if the record names none.
	SDK string
}

// Prober makes the probes of the system.
func (s *System) Prober() ingress.Prober {
	if s.Probe != nil {
		return s.Probe
	}
	return ingress.Nonce(s.Nonce)
}

// shared are the handlers that the deployment serves as shared, of the kinds of objects
// that plans know.
func (s *System) shared() []string {
	return slices.DeleteFunc(s.Contract.Shared(), func(handler string) bool {
		name, _, _ := strings.Cut(handler, "/")
		_, known := model.KindOf(name)
		return !known
	})
}

// Open starts one system with these settings. It is the harness's only way to
// a runtime: what stands behind it is the backend's affair.
type Open func(ctx context.Context, s runtime.Settings) (*System, error)

// StartBound bounds the first start of a system, the deployment included.
const StartBound = 2 * time.Minute

// Up reports whether the server was started and not ended by us since.
func (s *System) Up() bool { return s.up }

// Plans counts the plans that ran on the system.
func (s *System) Plans() int { return s.plans }

// Boot brings a fresh system up for the first time, with its Config.
func (s *System) Boot(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, StartBound, fmt.Errorf("not up within %s", StartBound))
	defer cancel()
	s.WatchResources()
	s.began = time.Now()
	if err := s.start(ctx); err != nil {
		return err
	}
	s.up = true
	if s.Deploy == nil {
		return nil
	}
	return s.deploy(ctx)
}

// start starts the server with what the system runs.
func (s *System) start(ctx context.Context) error {
	if err := s.Runtime.Start(ctx, runtime.StartOptions{Env: s.Config.Env(), Version: s.Version}); err != nil {
		return fmt.Errorf("start the runtime: %w", err)
	}
	return nil
}

// Provide makes sure that the server can do what a plan asks of it: that its versions can be
// started without an installation in between, which would be an outage, and that each can
// have the plan's data. It refuses a server that a plan left with another version: its data
// are not those of its own.
func (s *System) Provide(ctx context.Context, p generators.Plan) error {
	if s.Version != "" {
		return fmt.Errorf("an earlier plan started the server as %s: take a server that was not", s.Version)
	}
	own := s.Runtime.Identity().Version
	if err := s.checkServed(p); err != nil {
		return err
	}
	err := generators.CheckServer(p, own)
	if err == nil {
		err = generators.CheckPath(p, own, generators.AsNamed) // before anything is installed
	}
	if err != nil {
		return err
	}
	for _, version := range p.Versions() {
		reported, err := s.Runtime.Provide(ctx, version)
		if err == nil {
			err = generators.CheckServer(p, reported)
		}
		if err != nil {
			return fmt.Errorf("the plan starts version %s: %w", version, err)
		}
		if s.Widen != nil {
			s.Widen(reported)
		}
		if s.reported == nil {
			s.reported = map[string]string{}
		}
		s.reported[version] = reported
	}
	return s.checkSteps(p)
}

// WatchResources begins to measure the server's resources, if the system has a Look.
func (s *System) WatchResources() {
	if s.Look != nil && s.watch == nil {
		s.watch = resources.StartWatch(s.Look)
	}
}

// Worst are the worst levels of the server's resources since a time, nil if they are not
// measured.
func (s *System) Worst(since time.Time) []resources.Level {
	if s.watch == nil {
		return nil
	}
	return s.watch.Worst(since)
}

// Shutdown ends the system and everything that it started.
func (s *System) Shutdown(ctx context.Context) error {
	if s.watch != nil {
		s.watch.Stop()
	}
	err := s.Runtime.Close(ctx)
	if s.Close != nil {
		s.Close()
	}
	if err != nil {
		return fmt.Errorf("close the runtime: %w", err)
	}
	return nil
}
