package deployment

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
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
	code   string // of the server's list of errors, "" for none
}

// Error implements error.
func (r *refusal) Error() string {
	return fmt.Sprintf("the admin API answered %d: %s", r.status, r.reason)
}

// The server's codes of errors that stay as they are until the handlers are other ones: see
// crates/errors in restatedev/restate. It answers 500 for them, as for those that pass.
const (
	unsupportedProtocol = "META0012" // none of the versions of the service protocol is the server's
	badDiscovery        = "META0013" // the answer to discovery is of no kind that the server reads
	notBidirectional    = "META0015"
	// undecodable begins the message about a manifest that the server can't decode, which has
	// no code.
	undecodable = "received a bad response from the SDK that cannot be decoded"
)

// stays reports whether the same question gets the same answer.
func (r *refusal) stays() bool {
	return r.status < http.StatusInternalServerError && r.status != http.StatusTooManyRequests ||
		slices.Contains([]string{unsupportedProtocol, badDiscovery, notBidirectional}, r.code) || strings.Contains(r.reason, undecodable)
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
	refused := refusalOf(resp.StatusCode, answer)
	if refused.stays() {
		return nil, backoff.Permanent(refused)
	}
	return nil, refused
}

// refusalOf reads an error answer. Its message is on one line.
func refusalOf(status int, answer []byte) *refusal {
	var e struct {
		Message string `json:"message"`
		Code    string `json:"restate_code"`
	}
	text := string(answer)
	if json.Unmarshal(answer, &e) == nil && e.Message != "" {
		text = e.Message
	}
	if text = strings.Join(strings.Fields(text), " "); len(text) > 500 {
		text = text[:500] + "..."
	}
	return &refusal{status, text, e.Code}
}
