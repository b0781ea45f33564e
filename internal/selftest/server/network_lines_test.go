package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// line is a network between the clients and the ingress, for one life of a server.
type line interface {
	// url is where the clients find the ingress.
	url() string
	// cut ends the line and every connection on it.
	cut()
}

// lay makes a line to an ingress at the begin of its life.
type lay func(upstream string) (line, error)

// toxicLine is a toxiproxy, which works on bytes and connections. A share of the
// connections, drawn when they are made, has the toxic.
type toxicLine struct{ *toxiproxy.Proxy }

// toxic lays lines with a toxic on one stream: "upstream" carries requests, "downstream"
// answers.
func toxic(kind, stream string, share float64, attributes map[string]int) lay {
	return func(upstream string) (line, error) {
		u, err := url.Parse(upstream)
		if err != nil {
			return nil, err
		}
		api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
		p := toxiproxy.NewProxy(api, "ingress", "127.0.0.1:0", u.Host)
		if err := p.Start(); err != nil {
			return nil, err
		}
		is, err := json.Marshal(map[string]any{"type": kind, "stream": stream, "toxicity": share, "attributes": attributes})
		if err == nil {
			_, err = p.Toxics.AddToxicJson(strings.NewReader(string(is)))
		}
		if err != nil {
			p.Stop()
			return nil, err
		}
		return toxicLine{p}, nil
	}
}

func (l toxicLine) url() string { return "http://" + l.Listen }
func (l toxicLine) cut()        { l.Stop() }

// httpLine is a reverse proxy: it knows requests.
type httpLine struct {
	listener net.Listener
	server   *http.Server
}

// behind lays lines whose requests pass through a handler, which is made for each life.
// The line accepts nothing for the time late.
func behind(late time.Duration, handler func(born time.Time, through http.Handler) http.Handler) lay {
	return func(upstream string) (line, error) {
		u, err := url.Parse(upstream)
		if err != nil {
			return nil, err
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		born := time.Now()
		var through http.Handler = &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(u)
				if key := r.In.Header.Values("Idempotency-Key"); key != nil {
					// By its usual name the transport would send it again by itself.
					r.Out.Header.Del("Idempotency-Key")
					r.Out.Header["idempotency-key"] = key
				}
			},
			Transport:    &http.Transport{DisableKeepAlives: true},
			ErrorLog:     log.New(io.Discard, "", 0),
			ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // no answer of its own
		}
		if handler != nil {
			through = handler(born, through)
		}
		l := &httpLine{listener: listener, server: &http.Server{Handler: through}}
		go func() { _ = l.server.Serve(newLateListener(listener, born.Add(late))) }()
		return l, nil
	}
}

func (l *httpLine) url() string { return "http://" + l.listener.Addr().String() }
func (l *httpLine) cut()        { _ = l.server.Close() }

// lateListener leaves connections in the system's queue until its time: they are open to
// the client, and nobody reads them.
type lateListener struct {
	net.Listener
	until context.Context
	close context.CancelFunc
}

func newLateListener(l net.Listener, at time.Time) *lateListener {
	until, cancel := context.WithDeadline(context.Background(), at)
	return &lateListener{l, until, cancel}
}

func (l *lateListener) Accept() (net.Conn, error) {
	<-l.until.Done()
	return l.Listener.Accept()
}

// Close ends the wait too.
func (l *lateListener) Close() error {
	l.close()
	return l.Listener.Close()
}

// storm is how long a life answers nothing but 503.
const storm = 2 * time.Second

// stormy answers like an ingress whose cluster is not ready.
func stormy(born time.Time, through http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if time.Since(born) > storm {
			through.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Restate-Error-Source", "ingress")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"code":503,"message":"the service is temporarily unavailable","source":"ingress"}`)
	})
}

// halved cuts a share of the answers: all of the head, half of the body, the end of the
// connection.
func halved(share float64) func(time.Time, http.Handler) http.Handler {
	return func(_ time.Time, through http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rand.Float64() >= share {
				through.ServeHTTP(w, r)
				return
			}
			whole := httptest.NewRecorder()
			through.ServeHTTP(whole, r)
			maps.Copy(w.Header(), whole.Header())
			w.Header().Set("Content-Length", strconv.Itoa(max(1, whole.Body.Len()))) // there is always something missing
			w.WriteHeader(whole.Code)
			_, _ = w.Write(whole.Body.Next(whole.Body.Len() / 2))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	}
}

// A line that let everything pass would make every session pass.
func TestNetworkLinesFailAsNamed(t *testing.T) {
	answer := strings.Repeat("x", 100)
	reached := make(chan struct{}, 10)
	upstream := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached <- struct{}{}
		_, _ = io.WriteString(w, answer)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = upstream.Serve(listener) }()
	t.Cleanup(func() { _ = upstream.Close() })

	const at = 300 * time.Millisecond
	for _, c := range []struct {
		name    string
		lay     lay
		status  int // 0 if no head of an answer comes
		body    bool
		reached bool
	}{
		{"nothing", behind(0, nil), 200, true, true},
		{"late", behind(at, nil), 200, true, true},
		{"reset before", resetBefore(1), 0, false, false},
		{"reset after", resetAfter(1), 0, false, true},
		{"cut by bytes", cutAfter(150), 200, false, true},
		{"half", behind(0, halved(1)), 200, false, true},
		{"storm", behind(0, stormy), 503, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			line, err := c.lay("http://" + listener.Addr().String())
			require.NoError(t, err)
			defer line.cut()
			began := time.Now()
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			resp, err := client.Post(line.url(), "text/plain", strings.NewReader("1"))
			if c.status == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, c.status, resp.StatusCode)
				_, err := io.ReadAll(resp.Body)
				require.Equal(t, c.body, err == nil, fmt.Sprint(err))
				_ = resp.Body.Close()
			}
			require.Equal(t, c.reached, len(reached) == 1)
			if c.reached {
				<-reached
			}
			if c.name == "late" {
				require.GreaterOrEqual(t, time.Since(began), at-50*time.Millisecond)
			}
		})
	}
}
