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
	// Backend is the base URL of handlers that are listening already, of any
	// SDK; "" is the reference service, started here.
	Backend string
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
	// own is the reference service: all of it behind the proxy, or the probe
	// alone, beside the proxy, where the handlers are somebody else's.
	own     *reference.Server
	foreign bool
}

// Listen starts a deployment. It is up when Listen returns; handlers of others
// are not asked.
func Listen(o Options) (*Deployment, error) {
	foreign := o.Backend != ""
	service := reference.Options{Log: o.Log, ProbeOnly: foreign}
	if foreign {
		service.Bind = o.Bind
	}
	own, err := reference.Listen(service)
	if err != nil {
		return nil, err
	}
	if !foreign {
		o.Backend = own.URL("")
	}
	p, err := proxy.Listen(proxy.Options{Bind: o.Bind, Backend: o.Backend, MaxHold: o.MaxHold, Notice: o.Notice})
	if err != nil {
		return nil, errors.Join(err, own.Close())
	}
	return &Deployment{proxy: p, own: own, foreign: foreign}, nil
}

// URL is the address of the proxied handlers, under the name or address by which
// the runtime reaches this machine ("host.docker.internal"); "" is the bound
// address.
func (d *Deployment) URL(dialHost string) string { return d.proxy.URL(dialHost) }

// URLs are all addresses to register: that of the proxied handlers, and the probe's, if
// the handlers are external.
func (d *Deployment) URLs(dialHost string) []string {
	urls := []string{d.proxy.URL(dialHost)}
	if d.foreign {
		urls = append(urls, d.own.URL(dialHost))
	}
	return urls
}

// Control arms gates and reports evidence.
func (d *Deployment) Control() service.Control { return d.proxy }

// Proxy is the endpoint proxy: [proxy.Proxy.Break] and [proxy.Proxy.Stats] go
// beyond [service.Control].
func (d *Deployment) Proxy() *proxy.Proxy { return d.proxy }

// Nonce is the answer to a probe of this deployment, and of no other.
func (d *Deployment) Nonce() string { return d.own.Nonce() }

// Close opens all gates and ends everything. It is safe to call more than once.
func (d *Deployment) Close() error {
	return errors.Join(d.proxy.Close(), d.own.Close())
}
