package deployment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"retain/service"
)

// Process is the process of the handlers, nil if retain did not start it.
func (d *Deployment) Process() service.Process {
	if d.process == nil {
		return nil
	}
	return d
}

// Freeze implements [service.Process].
func (d *Deployment) Freeze() error { return d.process.Freeze() }

// Thaw implements [service.Process].
func (d *Deployment) Thaw() error { return d.process.Thaw() }

// Restart implements [service.Process]. The proxy, and so the server, finds the handlers where
// they are then.
func (d *Deployment) Restart(ctx context.Context, anotherAddress bool) error {
	d.proxy.Lost()
	if err := d.process.Restart(ctx, anotherAddress); err != nil {
		return fmt.Errorf("restart the service: %w", err)
	}
	d.backend.URL = d.process.URL("")
	return d.proxy.Redirect(d.backend)
}

// Redeploy moves the deployment to another address, where the server does not find it, and
// updates the server's record of it through the admin API, as people do when a service moves.
// Attempts in flight are broken; they are tried again at the old address until the server
// knows the new one.
func (d *Deployment) Redeploy(ctx context.Context, client *http.Client, adminURL, dialHost string) error {
	id, err := deploymentAt(ctx, client, adminURL, d.URL(dialHost))
	if err != nil {
		return fmt.Errorf("find the deployment %s at the server %s: %w", d.URL(dialHost), adminURL, err)
	}
	if err := d.proxy.Move(); err != nil {
		return err
	}
	to := d.URL(dialHost)
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 20*time.Millisecond, 500*time.Millisecond
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		return struct{}{}, update(ctx, client, adminURL+"/deployments/"+id, to)
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	if err != nil {
		return fmt.Errorf("update the deployment %s to %s at the server %s: %w", id, to, adminURL, err)
	}
	return nil
}

// deploymentAt is the server's id of the deployment at a URL.
func deploymentAt(ctx context.Context, client *http.Client, adminURL, url string) (string, error) {
	status, answer, err := exchange(ctx, client, http.MethodGet, adminURL+"/deployments", nil)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("the admin API answered %d: %s", status, reason(answer))
	}
	var known struct {
		Deployments []struct{ ID, URI string }
	}
	if err := json.Unmarshal(answer, &known); err != nil {
		return "", fmt.Errorf("reading the admin API's answer: %w", err)
	}
	for _, d := range known.Deployments {
		if strings.TrimSuffix(d.URI, "/") == url {
			return d.ID, nil
		}
	}
	return "", errors.New("it knows no deployment there")
}

// update changes the address of a deployment. Version 2 of the admin API, that of servers
// before 1.6, updates by PUT.
func update(ctx context.Context, client *http.Client, resource, uri string) error {
	body, err := json.Marshal(map[string]string{"uri": uri})
	if err != nil {
		return backoff.Permanent(err)
	}
	status, answer, err := exchange(ctx, client, http.MethodPatch, resource, body)
	if err == nil && status == http.StatusMethodNotAllowed {
		status, answer, err = exchange(ctx, client, http.MethodPut, resource, body)
	}
	switch {
	case err != nil:
		return err
	case status/100 == 2:
		return nil
	}
	err = fmt.Errorf("the admin API answered %d: %s", status, reason(answer))
	if status < 500 && status != http.StatusTooManyRequests {
		return backoff.Permanent(err)
	}
	return err
}

func exchange(ctx context.Context, client *http.Client, method, url string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	return resp.StatusCode, answer, err
}
