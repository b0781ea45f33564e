package ingress

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"retain/runtime"
)

// CheckServer asks the admin API whether the server that answers is the one that
// was started: by its version, and by the name of its cluster, which is unique to
// a runtime. The error wraps [ErrWrongServer] if it is another one, or not
// Restate; any other error leaves it open.
//
// The ingress does not name its server: the nonce of a probe does.
func CheckServer(ctx context.Context, ep runtime.Endpoints, want runtime.Identity) error {
	var about struct {
		Version string `json:"version"`
	}
	status, err := says(ctx, ep, "/version", &about)
	switch {
	case err != nil:
		return err
	case status == http.StatusNotFound || status == http.StatusOK && about.Version == "":
		return fmt.Errorf("%w: what answers at %s is no admin API of Restate's: GET /version gets %d", ErrWrongServer, ep.Admin, status)
	case status != http.StatusOK:
		return fmt.Errorf("the admin API at %s answers GET /version with %d", ep.Admin, status)
	case want.Version != "" && about.Version != want.Version:
		return fmt.Errorf("%w: %s is version %s, and %s was started", ErrWrongServer, ep.Admin, about.Version, want.Version)
	}
	var health struct {
		Cluster string `json:"cluster_name"`
	}
	status, err = says(ctx, ep, "/cluster-health", &health)
	switch {
	case err != nil:
		return err
	case status != http.StatusOK || health.Cluster == "":
		return fmt.Errorf("the admin API at %s does not name its cluster: GET /cluster-health gets %d", ep.Admin, status)
	case want.Cluster != "" && health.Cluster != want.Cluster:
		return fmt.Errorf("%w: %s is cluster %q, and %q was started", ErrWrongServer, ep.Admin, health.Cluster, want.Cluster)
	}
	return nil
}

// says asks the admin API for a JSON object. What is not JSON leaves the object
// empty.
func says(ctx context.Context, ep runtime.Endpoints, path string, into any) (status int, err error) {
	c := New(ep)
	defer c.Close()
	req, err := newRequest(ctx, http.MethodGet, ep.Admin+path, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/json")
	r := c.roundTrip(req, nil)
	if r.err != nil {
		return 0, fmt.Errorf("admin %s: %w", path, r.err)
	}
	_ = json.Unmarshal(bytes.TrimSpace(r.body), into) // what it is not, its emptiness says
	return r.status, nil
}
