package process

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/child"
	"retain/runtime/loopback"
	"retain/runtime/reaper"
	"retain/runtime/versions"
)

// portTries is how often a server that found a port taken is started again on
// others.
const portTries = 5

// spawn starts a process of the incarnation; called with r.mu held.
func (r *Runtime) spawn(i *incarnation) error {
	if err := r.choosePorts(i.server.Version); err != nil {
		return err
	}
	env := r.environment(i.settings)
	if r.beforeSpawn != nil {
		r.beforeSpawn(env)
	}
	log, err := os.OpenFile(r.logFile(), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("open its log: %w", err)
	}
	defer log.Close()
	size, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("open its log: %w", err)
	}
	cmd := exec.Command(i.server.Path)
	cmd.Dir, cmd.Env = r.dir, binary.List(env, r.settings.Env)
	cmd.Stdout, cmd.Stderr = log, log

	i.mu.Lock()
	defer i.mu.Unlock()
	if i.Signalled() {
		return errSignalled
	}
	if err := child.Start(cmd); err != nil {
		return err
	}
	r.guardian.Watch(cmd.Process.Pid)
	i.cmd, i.reaped, i.logStart, i.members, i.looked = cmd, false, size, nil, time.Now()
	i.tries++
	r.endpoints = runtime.Endpoints{
		Ingress: "http://" + env["RESTATE_INGRESS__BIND_ADDRESS"],
		Admin:   "http://" + env["RESTATE_ADMIN__BIND_ADDRESS"],
		Version: i.server.Version,
	}
	// The process may have ended already, which its watcher sees.
	_ = r.owner.OwnGroup(cmd.Process.Pid)
	return nil
}

// watch waits for the end of an incarnation. A server that could not listen,
// because a port was taken between the look at it and the start, is started again
// on other ports, unless it was asked to end.
func (r *Runtime) watch(i *incarnation) {
	for {
		state := i.await()
		r.guardian.Watch(0)
		if state.ExitCode() != 0 && !i.Signalled() && i.tries < portTries && binary.PortTaken(r.head(i.begins(), 1<<20)) {
			if r.respawn(i) == nil {
				continue
			}
		}
		i.end(state)
		return
	}
}

func (r *Runtime) respawn(i *incarnation) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spawn(i)
}

// choosePorts keeps those ports of the last incarnation that are free, for a server of a
// version.
func (r *Runtime) choosePorts(version string) (err error) {
	if r.ports == nil {
		r.ports, err = drawPorts()
		return err
	}
	if r.last != nil && versions.Has(version, versions.BoundToNodePort) && !r.ports.free(nodePort) {
		// That it does not come back would be our doing, not its.
		return fmt.Errorf("listen on %s: another program does, and restate-server %s can't come back on another port", r.ports.address(nodePort), version)
	}
	return r.ports.redraw()
}

// environment is all that configures the server of an incarnation. Settings.Env wins
// over everything but the mark of the session.
func (r *Runtime) environment(s runtime.Settings) map[string]string {
	env := binary.Inherited()
	maps.Copy(env, binary.Environment(s, r.cluster))
	for name, value := range map[string]string{
		"RESTATE_BASE_DIR":              filepath.Join(r.dir, "data"),
		"TMPDIR":                        filepath.Join(r.dir, "tmp"), // a killed server leaves files there
		"RESTATE_CONFIG":                s.ConfigFile,
		"RESTATE_BIND_IP":               loopback.Host,
		"RESTATE_BIND_ADDRESS":          r.ports.address(nodePort),
		"RESTATE_ADVERTISED_ADDRESS":    "http://" + r.ports.address(nodePort) + "/",
		"RESTATE_INGRESS__BIND_ADDRESS": r.ports.address(ingressPort),
		"RESTATE_ADMIN__BIND_ADDRESS":   r.ports.address(adminPort),
	} {
		if _, set := s.Env[name]; !set && value != "" {
			env[name] = value
		}
	}
	env[reaper.EnvSession] = r.owner.ID()
	return env
}
