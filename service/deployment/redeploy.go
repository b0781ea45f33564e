package deployment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

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
	err = retry(ctx, func() error { return update(ctx, client, adminURL+"/deployments/"+id, to) })
	if err != nil {
		return fmt.Errorf("update the deployment %s to %s at the server %s: %w", id, to, adminURL, err)
	}
	return nil
}

// deploymentAt is the server's id of the deployment at a URL.
func deploymentAt(ctx context.Context, client *http.Client, adminURL, url string) (string, error) {
	answer, err := exchange(ctx, client, http.MethodGet, adminURL+"/deployments", nil)
	if err != nil {
		return "", err
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
	_, err = exchange(ctx, client, http.MethodPatch, resource, body)
	if refused := (*refusal)(nil); errors.As(err, &refused) && refused.status == http.StatusMethodNotAllowed {
		_, err = exchange(ctx, client, http.MethodPut, resource, body)
	}
	return err
}
