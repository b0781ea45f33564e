package mitm_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/mitm"
	"retain/runtime/simulated"
)

// dialled is a runtime whose connections are made by somebody else.
type dialled struct {
	*simulated.Runtime
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (d *dialled) Endpoints() runtime.Endpoints {
	ep := d.Runtime.Endpoints()
	ep.Dial = d.dial
	return ep
}

// counted is a connection that counts itself while it is open.
type counted struct {
	net.Conn
	open   *atomic.Int32
	closed atomic.Bool
}

func (c *counted) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

// The call has been forwarded, or waits for the other one.
func TestCancelledCallClosesTheServersConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		server := simulated.New(simulated.Options{})
		inner := &dialled{Runtime: server}
		inner.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := server.Endpoints().Dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			open.Add(1)
			return &counted{Conn: c, open: &open}, nil
		}
		r := &rig{Runtime: mitm.New(inner, always(mitm.LostUpdate)), server: server, t: t}
		r.start()
		g, one := r.held("/Counter/c/add", "1", sending{Tag: "first"})
		impatient := *r
		impatient.http = &http.Transport{DialContext: r.Endpoints().Dial, ResponseHeaderTimeout: time.Second}
		assert.Error(t, impatient.call("/Counter/c/add", "2").Err)
		assert.Error(t, impatient.call("/Counter/c/reset", "").Err)
		synctest.Wait()
		assert.EqualValues(t, 1, open.Load())
		g.Open()
		r.got(`{"oldValue":0,"newValue":1}`, <-one)
		require.NoError(t, r.Close(context.Background()))
		assert.Zero(t, open.Load())
	})
}

// The client has the answer before the end, and no header that the server did not send.
func TestAnswerAndConnectionEndAreForwarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &dialled{Runtime: simulated.New(simulated.Options{})}
		inner.dial = func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				_, _ = http.ReadRequest(bufio.NewReader(server)) // whatever it is
				_, _ = io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7")
				_ = server.Close()
			}()
			return client, nil
		}
		r := mitm.New(inner, mitm.Options{})
		require.NoError(t, r.Start(t.Context(), runtime.StartOptions{}))
		c, err := r.Endpoints().Dial(t.Context(), "tcp", r.Endpoints().Ingress[len("http://"):])
		require.NoError(t, err)
		_, err = io.WriteString(c, "GET /Counter/c/get HTTP/1.1\r\nHost: h\r\n\r\n")
		require.NoError(t, err)
		synctest.Wait() // the server is gone, and we have read nothing
		all, err := io.ReadAll(c)
		require.NoError(t, err)
		assert.Equal(t, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7", string(all))
		require.NoError(t, r.Close(context.Background()))
	})
}
