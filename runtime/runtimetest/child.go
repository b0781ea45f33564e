package runtimetest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Child is this test binary as a session of its own, for tests of what a killed
// session leaves. It writes one line of JSON about itself and runs until its input
// ends.
type Child struct {
	*exec.Cmd
	input io.Closer
}

// StartChild starts one with a variable of the form "NAME=VALUE", by which the test
// binary recognises its role, and decodes its line into report.
func StartChild(variable string, report any) (*Child, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), variable)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a session: %w", err)
	}
	c := &Child{cmd, input}
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, report)
	}
	if err != nil {
		c.Kill()
		return nil, fmt.Errorf("read what a session says of itself: %w", err)
	}
	return c, nil
}

// Kill ends the session by SIGKILL. It may have ended before.
func (c *Child) Kill() {
	_ = c.Process.Kill()
	_ = c.Wait()
}

// End ends the session's input and waits for it.
func (c *Child) End() error { return errors.Join(c.input.Close(), c.Wait()) }
