package ingress

import (
	"context"
	"net/http"
	"time"

	"retain/internal/poll"
	"retain/model"
)

// publishPause is the pause behind the first question for an awakeable that is not published
// yet. Each is twice the one before it, up to longestPublishPause: many clients that asked more
// often would keep the server from publishing.
const (
	publishPause        = 5 * time.Millisecond
	longestPublishPause = 320 * time.Millisecond
)

// await makes an attempt of an operation that sends the invocation which awaits an awakeable: the
// send, and then questions for the awakeable until it is published. Each is a request.
func (c *Client) await(ctx context.Context, call Call, a model.Awaking) Result {
	sent := c.send(ctx, call)
	if sent.Answer == nil {
		return sent
	}
	if _, accepted := sent.Answer.(model.Done); !accepted {
		return sent
	}
	for pause := publishPause; ; pause = min(2*pause, longestPublishPause) {
		out, _ := c.published(ctx, call, a, nil)
		_, unknown := out.Answer.(model.Unknown)
		switch {
		case out.Answer == nil:
			return afterSend(out)
		case !unknown:
			return out
		case poll.Sleep(ctx, pause) != nil:
			return Result{Wrote: true, Reason: model.TimedOut, Detail: "it was accepted, and is not published"}
		}
	}
}

// send sends the invocation of an operation.
func (c *Client) send(ctx context.Context, call Call) Result {
	req, err := c.request(ctx, call, call.Op, "/send")
	if err != nil {
		return Result{Reason: model.NotSent, Detail: err.Error()}
	}
	call.Op = accepted{call.Op}
	return classify(c.roundTrip(req, call.Written), call, c.version)
}

// accepted is an operation that is answered when the runtime has accepted it.
type accepted struct{ model.Operation }

// Decode reads what the runtime says of an invocation that it has accepted.
func (accepted) Decode(body []byte) (model.Answer, error) {
	if _, err := model.DecodeAcceptance(body); err != nil {
		return nil, err
	}
	return model.Done{}, nil
}

// afterSend is a question without an answer, as a part of an attempt that has had its effect, or
// may have it yet.
func afterSend(out Result) Result {
	out.Wrote = true
	switch out.Reason {
	case model.NotSent:
		out.Reason = model.Disconnected
	case model.Rejected:
		out.Reason = model.Unexpected
	}
	return out
}

// published asks for an awakeable's number and its id, which is "" if it is not published.
func (c *Client) published(ctx context.Context, call Call, a model.Awaking, written func()) (out Result, id string) {
	req, err := c.request(ctx, call, a.Published, "")
	if err != nil {
		return Result{Reason: model.NotSent, Detail: err.Error()}, ""
	}
	call.Op = a.Published
	r := c.roundTrip(req, written)
	out = classify(r, call, c.version)
	if _, is := out.Answer.(model.Receipt); is {
		_, id, _ = model.DecodePublished(r.body) // it was decoded
	}
	return out, id
}

// complete makes an attempt of an operation that completes an awakeable: a question for its id,
// and the completion.
func (c *Client) complete(ctx context.Context, call Call, a model.Awaking) Result {
	out, id := c.published(ctx, call, a, call.Written)
	if id == "" {
		return out
	}
	verb, content := "resolve", "application/json"
	if a.Completion.Rejected {
		verb, content = "reject", "text/plain"
	}
	req, err := newRequest(ctx, http.MethodPost, c.base+"/restate/awakeables/"+id+"/"+verb, a.Completion.Body())
	if err != nil {
		return Result{Reason: model.NotSent, Detail: err.Error()}
	}
	req.Header.Set("Content-Type", content)
	return classify(c.roundTrip(req, nil), call, c.version)
}

// lookUpPublished asks read-only what became of an operation on an awakeable. Of a completion
// nothing is known.
func (c *Client) lookUpPublished(ctx context.Context, call Call, a model.Awaking) Result {
	if a.Completion != nil {
		return Result{Detail: "nobody can ask for a completion"}
	}
	out, id := c.published(ctx, call, a, nil)
	if id == "" {
		out.Answer = nil
	}
	return out
}
