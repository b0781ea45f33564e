package sdk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"retain/runtime/child"
	"retain/runtime/reaper"
	"retain/service"
)

// Service is a reference service that runs as a child process. It is safe for concurrent
// use.
type Service struct {
	built    built
	options  Options
	owner    *reaper.Owner
	guardian *child.Guardian
	temp     string
	output

	mu     sync.Mutex // held during a start, too
	last   *process
	port   int
	closed bool
}

// process is one process of a service.
type process struct {
	cmd *exec.Cmd
	// exited is closed when nothing of the process's group runs any more.
	exited chan struct{}
	frozen bool
}

// start makes a service and starts it for the first time.
func start(ctx context.Context, b built, o Options) (*Service, error) {
	if o.Bind == "" {
		o.Bind = "127.0.0.1"
	}
	owner, err := reaper.Session()
	if err != nil {
		return nil, err
	}
	temp, err := owner.MakeDir("")
	if err != nil {
		return nil, err
	}
	s := &Service{built: b, options: o, owner: owner, guardian: child.NewGuardian(), temp: temp}
	if err := s.Restart(ctx, true); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// URL is the service's base URL without a trailing slash, under the name or address by which
// the caller reaches this machine; "" is the bound address.
func (s *Service) URL(dialHost string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if dialHost == "" {
		dialHost = s.options.Bind
	}
	return "http://" + net.JoinHostPort(dialHost, strconv.Itoa(s.port))
}

// Restart starts the service again, after a SIGKILL if it runs: on the address that it had, or
// on another port. It listens and answers when Restart returns.
func (s *Service) Restart(ctx context.Context, anotherAddress bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("start the %s service: it is closed", s.built.language.title)
	}
	s.kill()
	port := s.port
	if anotherAddress {
		port = 0
	}
	if err := s.spawn(ctx, port); err != nil {
		s.kill()
		return fmt.Errorf("start the %s service: %w%s", s.built.language.title, err, lastLines(s.Log()))
	}
	return nil
}

// spawn starts a process and waits until it answers; called with s.mu held.
func (s *Service) spawn(ctx context.Context, port int) error {
	args := s.built.language.command(s.built.tools, s.built.dir, s.temp)
	ports := make(chan int, 1)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.temp
	cmd.Env = append(os.Environ(), "TMPDIR="+s.temp, envHost+"="+s.options.Bind, envPort+"="+strconv.Itoa(port),
		envNonce+"="+s.options.Nonce, reaper.EnvSession+"="+s.owner.ID())
	cmd.Stdout, cmd.Stderr = &stream{to: &s.output, port: ports}, &stream{to: &s.output}
	cmd.WaitDelay = time.Second
	if err := child.Start(cmd); err != nil {
		return err
	}
	s.guardian.Watch(cmd.Process.Pid)
	// The process may have ended already, which is seen below.
	_ = s.owner.OwnGroup(cmd.Process.Pid)
	p := &process{cmd: cmd, exited: make(chan struct{})}
	s.last = p
	go func() {
		_ = cmd.Wait() // the state says it all
		child.Await(cmd.Process.Pid)
		close(p.exited)
	}()
	ctx, cancel := startPatience.wait(ctx, cmd.Process.Pid)
	defer cancel()
	select {
	case s.port = <-ports:
	case <-p.exited:
		return fmt.Errorf("it ended (%s) before it listened", cmd.ProcessState)
	case <-ctx.Done():
		return fmt.Errorf("wait until it listens: %w", context.Cause(ctx))
	}
	return service.Backend{URL: "http://" + net.JoinHostPort(s.options.Bind, strconv.Itoa(s.port))}.Answers(ctx)
}

// Kill ends the service by SIGKILL, and returns when nothing of it runs. It does nothing to
// one that has ended.
func (s *Service) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
}

// kill is [Service.Kill], called with s.mu held.
func (s *Service) kill() {
	if s.last == nil {
		return
	}
	s.last.signal(syscall.SIGKILL)
	<-s.last.exited
	s.guardian.Watch(0)
}

// freezeBound is the longest that the threads of a service may take to stop: it is less than
// a millisecond for the most part.
const freezeBound = 10 * time.Second

// Freeze stops all threads of the service, and returns when none runs.
func (s *Service) Freeze() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), freezeBound, fmt.Errorf("not within %s", freezeBound))
	defer cancel()
	s.mu.Lock()
	p := s.last
	p.frozen = true
	p.signal(syscall.SIGSTOP)
	s.mu.Unlock()
	err := child.AwaitFrozen(ctx, p.cmd.Process.Pid, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return !p.frozen || p.over()
	})
	if err != nil {
		return fmt.Errorf("freeze the %s service: %w", s.built.language.title, err)
	}
	return nil
}

// Thaw lets a service go on that was frozen.
func (s *Service) Thaw() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last.frozen = false
	s.last.signal(syscall.SIGCONT)
	return nil
}

// Exited is closed when the process that was started last has ended, with all that it
// started.
func (s *Service) Exited() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.exited
}

// Ended says that the process which was started last has ended, and how, with the last line
// that it printed; nil while it runs.
func (s *Service) Ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.over() {
		return nil
	}
	return fmt.Errorf("the %s service has ended (%s): %s", s.built.language.title, s.last.cmd.ProcessState, lastLine(s.Log(), nil))
}

// LastLines are the last lines that the service printed, indented, each after a line break.
func (s *Service) LastLines() string { return lastLines(s.Log()) }

// Close ends the service and removes its directory. It is safe to call more than once.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
	if !s.closed {
		s.guardian.Dismiss()
	}
	s.closed = true
	if err := os.RemoveAll(s.temp); err != nil {
		return fmt.Errorf("remove the directory of the %s service: %w", s.built.language.title, err)
	}
	return nil
}

// over reports whether the process has ended.
func (p *process) over() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// signal sends to the group. The group's id can't be anybody else's while something of it is
// left.
func (p *process) signal(sig syscall.Signal) {
	if !p.over() {
		_ = syscall.Kill(-p.cmd.Process.Pid, sig)
	}
}
