package runtimetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"retain/runtime"
)

// reachable is a runtime whose server reaches this process.
type reachable interface {
	runtime.Runtime
	// Callback is the address to listen on and the host that the server dials.
	Callback() (listen, dial string)
}

// Deployment is the smallest endpoint that a server accepts: one service, which is
// never called.
type Deployment struct {
	// URI is where the server reaches it.
	URI        string
	discovered atomic.Int64
}

const manifest = `{"protocolMode":"REQUEST_RESPONSE","minProtocolVersion":5,"maxProtocolVersion":5,
"services":[{"name":"Retained","ty":"SERVICE","handlers":[{"name":"handle"}]}]}`

// Deploy serves a deployment until ctx ends.
func Deploy(ctx context.Context, r reachable) (*Deployment, error) {
	listen, dial := r.Callback()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(listen, "0"))
	if err != nil {
		return nil, fmt.Errorf("serve a deployment: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("serve a deployment: %w", err), listener.Close())
	}
	d := &Deployment{URI: "http://" + net.JoinHostPort(dial, port)}
	server := &http.Server{Handler: http.HandlerFunc(d.discover)}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return d, nil
}

// discover answers with the newest version of the manifest that the server accepts.
func (d *Deployment) discover(w http.ResponseWriter, q *http.Request) {
	d.discovered.Add(1)
	newest, _, _ := strings.Cut(q.Header.Get("Accept"), ",")
	newest, _, _ = strings.Cut(newest, ";")
	w.Header().Set("Content-Type", strings.TrimSpace(newest))
	_, _ = io.WriteString(w, manifest)
}

// Discovered counts the requests that servers sent to the deployment.
func (d *Deployment) Discovered() int64 { return d.discovered.Load() }

// Register makes the server know the deployment.
func (d *Deployment) Register(ctx context.Context, r runtime.Runtime) error {
	body, err := json.Marshal(map[string]any{"uri": d.URI, "use_http_11": true})
	if err != nil {
		return err
	}
	ep := r.Endpoints()
	_, err = do(ctx, ep, http.MethodPost, ep.Admin+"/deployments", bytes.NewReader(body), http.StatusCreated)
	return err
}

// Known returns an error unless the server knows the deployment.
func (d *Deployment) Known(ctx context.Context, r runtime.Runtime) error {
	ep := r.Endpoints()
	all, err := get(ctx, ep, ep.Admin+"/deployments")
	if err == nil && !strings.Contains(string(all), d.URI) {
		err = fmt.Errorf("the server does not know the deployment %s any more: %s", d.URI, all)
	}
	return err
}

// SaveDeployment is a [Fixture].Save for real servers: what a server keeps is its
// deployment.
func SaveDeployment(ctx context.Context, r runtime.Runtime) (check func(context.Context) error, err error) {
	can, ok := r.(reachable)
	if !ok {
		return nil, fmt.Errorf("%T has no Callback", r)
	}
	d, err := Deploy(ctx, can)
	if err != nil {
		return nil, err
	}
	if err := d.Register(ctx, r); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return d.Known(ctx, r) }, nil
}
