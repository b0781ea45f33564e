package deployment

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// maxAnswer bounds an answer of the admin API, in bytes.
const maxAnswer = 16 << 20

// retry asks the admin API again until it answers, refuses, or ctx ends.
func retry(ctx context.Context, ask func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 20*time.Millisecond, 500*time.Millisecond
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, ask() }, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	return err
}

// refusal is an answer of the admin API that is no success.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the admin API answered %d: %s", r.status, r.reason)
}

// exchange is one call of the admin API. A refusal that stays the same if it is asked again
// ends a [retry].
func exchange(ctx context.Context, client *http.Client, method, url string, body []byte) (answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, backoff.Permanent(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return answer, nil
	}
	err = &refusal{resp.StatusCode, reason(answer)}
	if resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests {
		return nil, backoff.Permanent(err)
	}
	return nil, err
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
