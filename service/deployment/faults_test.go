package deployment_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/poll"
	"retain/service"
)

// fault is what is done to the attempt of an operation that stands at a gate.
type fault struct {
	// do begins it; the returned function ends it.
	do func(d *deployed) (over func() error, err error)
	// breaks is true if the attempt ends by it, and the server tries again.
	breaks bool
	// fails is part of how the server says that the last attempt failed, while the fault
	// lasts; "" if it is over at once.
	fails *regexp.Regexp
}

func nothing() error { return nil }

func strike(delay time.Duration) func(*deployed) (func() error, error) {
	return func(d *deployed) (func() error, error) {
		d.Control().Strike(service.Strike{Matches: func(tag string) bool { return tag == "op" }, Attempts: 1, Delay: delay})
		return nothing, nil
	}
}

// faultsOfService are the faults of a plan that are done to the service.
var faultsOfService = map[string]fault{
	"cut":   {do: strike(0), breaks: true},
	"delay": {do: strike(50 * time.Millisecond)},
	// Servers of 1.6 name the stream that they could not open, not the connection.
	"refuse": {breaks: true, fails: regexp.MustCompile("onnection refused|closed request stream"), do: func(d *deployed) (func() error, error) {
		return d.Control().Refuse()
	}},
	"stall": {do: func(d *deployed) (func() error, error) {
		release := d.Control().Stall()
		return func() error { release(); return nil }, nil
	}},
	"crash": {breaks: true, do: func(d *deployed) (func() error, error) {
		return nothing, d.Process().Restart(context.Background(), false)
	}},
	"move": {breaks: true, do: func(d *deployed) (func() error, error) {
		return nothing, d.Process().Restart(context.Background(), true)
	}},
	"freeze": {do: func(d *deployed) (func() error, error) {
		return d.Process().Thaw, d.Process().Freeze()
	}},
	"redeploy": {breaks: true, do: func(d *deployed) (func() error, error) {
		return nothing, d.Redeploy(context.Background(), client, d.server.Endpoints().Admin, "")
	}},
}

// For each fault of the service, before and after an operation's effect: the client only
// waits, the server and the proxy show that the attempt was broken and tried again, or that
// it was held and went on, and the operation has its effect once.
func TestFaultsOfServiceCostTheClientTimeOnly(t *testing.T) {
	d := deploy(t)
	require.Equal(t, 200, d.call("Counter/k/get", "", "").status)
	n := 0
	for name, f := range faultsOfService {
		for _, at := range []service.Position{service.Before, service.After} {
			t.Run(name+"/"+string(at), func(t *testing.T) {
				d.testFault(t, f, at, fmt.Sprintf(`{"oldValue":%d,"newValue":%d}`, n, n+1))
				n++
			})
		}
	}
	assert.Equal(t, fmt.Sprint(n), d.call("Counter/k/get", "", "").body)
}

func (d *deployed) testFault(t *testing.T, f fault, at service.Position, want string) {
	tag := "op"
	gate := d.Control().Arm(tag, at)
	key := t.Name()
	answer := make(chan reply, 1)
	go func() { answer <- d.callKeyed("Counter/k/add", "1", tag, key) }()
	wait(t, "the gate", gate.Held())
	over, err := f.do(d)
	require.NoError(t, err)
	gate.Open()
	first := d.next(tag)
	if f.fails != nil {
		d.awaitFailure(t, first.Invocation, f.fails)
		assert.Empty(t, answer)
	}
	require.NoError(t, over())
	assert.Equal(t, want, wait(t, "the answer", answer).body)

	seen, attempts := []string{string(first.Reading)}, 1
	for e := d.next(tag); ; e = d.next(tag) {
		seen, attempts = append(seen, fmt.Sprint(e.Attempt, " ", e.Reading)), e.Attempt
		if e.Reading == service.Finished {
			break
		}
	}
	t.Logf("%s: %s", key, strings.Join(seen, ", "))
	if f.breaks {
		assert.Contains(t, seen, "1 broken")
		assert.Greater(t, attempts, 1)
	} else {
		assert.Equal(t, 1, attempts)
	}
	rows := d.query("select status, retry_count, completion_result from sys_invocation where id = '" + first.Invocation + "'")
	require.Len(t, rows, 1)
	assert.Equal(t, "completed", rows[0]["status"])
	assert.Equal(t, "success", rows[0]["completion_result"])
}

// awaitFailure waits until the server has tried an invocation more than once, and says how
// that failed.
func (d *deployed) awaitFailure(t *testing.T, invocation string, fails *regexp.Regexp) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := poll.Until(ctx, 20*time.Millisecond, func() error {
		rows := d.query("select retry_count, last_failure from sys_invocation where id = '" + invocation + "'")
		if len(rows) == 0 {
			return errors.New("no such invocation")
		}
		count, _ := rows[0]["retry_count"].(float64)
		text, _ := rows[0]["last_failure"].(string)
		if count < 2 || !fails.MatchString(text) {
			return fmt.Errorf("retry_count %v, last_failure %q", count, text)
		}
		t.Logf("retry_count %v, last_failure %q", count, text)
		return nil
	})
	require.NoError(t, err)
}
