package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"retain/internal/poll"
	"retain/service/reference"
)

// nonce is what the recorded probe answers.
const nonce = "recorded"

// server is a real server on loopback with the reference service behind it.
type server struct {
	ingress, admin string
	binary, data   string
	env            []string
	cmd            *exec.Cmd
	service        *reference.Server
}

// start starts a server with an empty directory, and the service, which is not
// registered yet. Both must be ended with close.
func start(ctx context.Context, binary string, env ...string) (*server, error) {
	data, err := os.MkdirTemp("", "record")
	if err != nil {
		return nil, fmt.Errorf("make the server's directory: %w", err)
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	s := &server{binary: binary, data: data, ingress: "http://127.0.0.1:" + ports[0], admin: "http://127.0.0.1:" + ports[1]}
	s.env = append(os.Environ(), append([]string{
		"DO_NOT_TRACK=1", "RUST_LOG=warn", "RESTATE_LISTEN_MODE=tcp", "RESTATE_BIND_IP=127.0.0.1",
		"RESTATE_BASE_DIR=" + data, "RESTATE_NODE_NAME=recorded", "RESTATE_DEFAULT_NUM_PARTITIONS=4",
		"RESTATE_INGRESS__BIND_ADDRESS=127.0.0.1:" + ports[0], "RESTATE_ADMIN__BIND_ADDRESS=127.0.0.1:" + ports[1],
		"RESTATE_BIND_ADDRESS=127.0.0.1:" + ports[2],
		"RESTATE_INGRESS__ADVERTISED_INGRESS_ENDPOINT=http://127.0.0.1:8080",
	}, env...)...)
	if s.service, err = reference.Listen(reference.Options{Nonce: nonce}); err != nil {
		return nil, err
	}
	if err := s.spawn(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *server) spawn(ctx context.Context) error {
	s.cmd = exec.CommandContext(ctx, s.binary)
	s.cmd.Env, s.cmd.Stderr = s.env, os.Stderr
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	return nil
}

// kill ends the server with SIGKILL.
func (s *server) kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // "signal: killed" is what was asked for
	}
}

func (s *server) close() error {
	s.kill()
	err := s.service.Close()
	return errors.Join(err, os.RemoveAll(s.data))
}

// await waits until both APIs answer.
func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, url := range []string{s.admin + "/health", s.ingress + "/restate/health"} {
		err := poll.Until(ctx, 10*time.Millisecond, func() error {
			if !answers(ctx, url) {
				return errors.New("no answer")
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("the server never answered %s: %w", url, err)
		}
	}
	return nil
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// register makes the service known and makes calls until one succeeds.
func (s *server) register(ctx context.Context) error {
	body, _ := json.Marshal(map[string]string{"uri": s.service.URL("")}) // a map of strings
	resp, err := http.Post(s.admin+"/deployments", "application/json", strings.NewReader(string(body)))
	if err != nil {
		return fmt.Errorf("register the service: %w", err)
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("register the service: status %d", resp.StatusCode)
	}
	for ctx.Err() == nil {
		call, cancel := context.WithTimeout(ctx, time.Second)
		req, _ := http.NewRequestWithContext(call, http.MethodPost, s.ingress+"/"+reference.ProbeService+"/first/ping", nil)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		cancel()
		if err == nil && resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("no call went through: %w", ctx.Err())
}

func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}
