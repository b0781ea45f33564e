package deployment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Kind says how a handler runs.
type Kind string

// Handlers of an object run one at a time (exclusive) or beside each other
// (shared, reading only).
const (
	Exclusive Kind = "exclusive"
	Shared    Kind = "shared"
)

// Kinds are the handlers of a deployment as its own discovery describes them,
// by "Service/handler", for example "Counter/get": [Shared]. Handlers that are
// neither exclusive nor shared (plain services, workflows) have the kind that
// the server gives them, in lower case, or "".
type Kinds map[string]Kind

// Register makes deployments known to the server whose admin API is at adminURL,
// and returns the handlers of all of them. It tries again until the server
// answers or ctx ends, so ctx should have a deadline. To register a deployment
// that is known already is no error.
func Register(ctx context.Context, client *http.Client, adminURL string, deploymentURLs ...string) (Kinds, error) {
	all := Kinds{}
	for _, url := range deploymentURLs {
		kinds, err := registerOne(ctx, client, adminURL, url)
		if err != nil {
			return nil, fmt.Errorf("registering the deployment %s with the server at %s: %w", url, adminURL, err)
		}
		maps.Copy(all, kinds)
	}
	return all, nil
}

func registerOne(ctx context.Context, client *http.Client, adminURL, url string) (Kinds, error) {
	// Only an answer from the server stays: how a try ended that ctx cut off
	// says less than the one before.
	var last error
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 20*time.Millisecond, 500*time.Millisecond
	kinds, err := backoff.Retry(ctx, func() (Kinds, error) {
		kinds, err := post(ctx, client, adminURL, url)
		if err != nil && ctx.Err() == nil {
			last = err
		}
		return kinds, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	if err != nil && ctx.Err() != nil && last != nil {
		return nil, fmt.Errorf("%w; the last try: %w", context.Cause(ctx), last)
	}
	return kinds, err
}

func post(ctx context.Context, client *http.Client, adminURL, url string) (Kinds, error) {
	body, err := json.Marshal(map[string]any{"uri": url, "use_http_11": false})
	if err != nil {
		return nil, backoff.Permanent(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, adminURL+"/deployments", bytes.NewReader(body))
	if err != nil {
		return nil, backoff.Permanent(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		err := fmt.Errorf("the admin API answered %d: %s", resp.StatusCode, reason(answer))
		if resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests {
			return nil, backoff.Permanent(err)
		}
		return nil, err
	}
	return kindsOf(answer)
}

// reason is the message of an error answer, on one line.
func reason(answer []byte) string {
	var e struct {
		Message string `json:"message"`
	}
	text := string(answer)
	if json.Unmarshal(answer, &e) == nil && e.Message != "" {
		text = e.Message
	}
	if text = strings.Join(strings.Fields(text), " "); len(text) > 500 {
		text = text[:500] + "..."
	}
	return text
}

func kindsOf(answer []byte) (Kinds, error) {
	var registered struct {
		ID       string `json:"id"`
		Services []struct {
			Name     string `json:"name"`
			Handlers []struct {
				Name string `json:"name"`
				Kind string `json:"ty"`
			} `json:"handlers"`
		} `json:"services"`
	}
	if err := json.Unmarshal(answer, &registered); err != nil {
		return nil, backoff.Permanent(fmt.Errorf("reading the admin API's answer: %w", err))
	}
	if registered.ID == "" {
		return nil, backoff.Permanent(errors.New("the admin API's answer names no deployment: is this a Restate server?"))
	}
	kinds := Kinds{}
	for _, s := range registered.Services {
		for _, h := range s.Handlers {
			kinds[s.Name+"/"+h.Name] = Kind(strings.ToLower(h.Kind))
		}
	}
	return kinds, nil
}
