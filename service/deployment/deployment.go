// Package deployment puts together what a runtime calls: handlers behind the
// endpoint proxy, and its registration with the runtime.
package deployment

import (
	"errors"
	"log/slog"
	"time"

	"retain/service"
	"retain/service/proxy"
	"retain/service/reference"
)

// Options of a [Deployment]. The zero value is the reference service behind a
// proxy on loopback.
type Options struct {
	// Bind is the host on which the runtime reaches this process; "" is
	// 127.0.0.1. For a server in a container: the container bridge's address.
	Bind string
	// Backend is handlers that are listening already, of any SDK; the zero value is
	// the reference service, started here.
	Backend service.Backend
	// Nonce is what the backend answers a probe of ours with; "" for handlers of others.
	Nonce string
	// Process, if not nil, is the process of Backend, which retain started.
	Process service.Process
	// MaxHold is the longest that a gate holds; 0 is [proxy.DefaultMaxHold].
	MaxHold time.Duration
	// Notice, if not nil, gets lines for the user. It must not block.
	Notice func(string)
	// Log takes what the reference service's SDK logs; nil discards it.
	Log slog.Handler
}

// Deployment is handlers and the endpoint proxy in front of them.
type Deployment struct {
	proxy *proxy.Proxy
	nonce string
	own   *reference.Server // nil where the handlers are somewhere else

	backend service.Backend
	process service.Process // nil if retain did not start it
}

// Listen starts a deployment. It is up when Listen returns; handlers of others
// are not asked.
func Listen(o Options) (*Deployment, error) {
	d := &Deployment{nonce: o.Nonce, process: o.Process}
	if o.Backend.URL == "" {
		own, err := reference.Listen(reference.Options{Log: o.Log})
		if err != nil {
			return nil, err
		}
		d.own, d.process, d.nonce, o.Backend.URL = own, own, own.Nonce(), own.URL("")
	}
	p, err := proxy.Listen(proxy.Options{Bind: o.Bind, Backend: o.Backend, MaxHold: o.MaxHold, Notice: o.Notice})
	if err != nil {
		return nil, errors.Join(err, d.closeOwn())
	}
	d.proxy, d.backend = p, o.Backend
	return d, nil
}

// URL is the address to register: that of the proxied handlers, under the name or
// address by which the runtime reaches this machine ("host.docker.internal"); "" is the
// bound address.
func (d *Deployment) URL(dialHost string) string { return d.proxy.URL(dialHost) }

// Control arms gates and reports evidence.
func (d *Deployment) Control() service.Control { return d.proxy }

// Proxy is the endpoint proxy: [proxy.Proxy.Break] and [proxy.Proxy.Stats] go
// beyond [service.Control].
func (d *Deployment) Proxy() *proxy.Proxy { return d.proxy }

// Nonce is the answer to a probe of this reference service, and of no other; "" for
// handlers of others.
func (d *Deployment) Nonce() string { return d.nonce }

// Close ends the proxy and the reference service, in this order: what the runtime
// still has open breaks off as if the deployment had gone away.
func (d *Deployment) Close() error { return errors.Join(d.proxy.Close(), d.closeOwn()) }

func (d *Deployment) closeOwn() error {
	if d.own == nil {
		return nil
	}
	return d.own.Close()
}
