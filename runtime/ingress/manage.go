package ingress

import (
	"context"
	"encoding/json"
	"net/http"

	"retain/model"
)

// manage makes an attempt of an operation on an invocation, by the admin API. A status in the
// four hundreds says that nothing was done. A restart is answered with what the new invocation
// is answered.
func (c *Client) manage(ctx context.Context, call Call, m model.Manage) Result {
	if call.Invocation == "" {
		return Result{Reason: model.NotSent, Detail: "the id of the invocation is not known"}
	}
	path := string(m.Verb)
	if m.Verb == model.RestartInvocation {
		path = "restart-as-new"
	}
	req, err := newRequest(ctx, http.MethodPatch, c.admin+"/invocations/"+call.Invocation+"/"+path, nil)
	if err != nil {
		return Result{Reason: model.NotSent, Detail: err.Error()}
	}
	r := c.roundTrip(req, call.Written)
	out := classify(response{wrote: r.wrote, status: r.status, body: r.body, err: r.err}, call, c.version)
	if r.err != nil || r.status/100 != 2 {
		if r.err == nil && r.status/100 == 4 {
			out.Answer, out.Reason = nil, model.Rejected
		}
		return out
	}
	if m.Of == nil {
		return Result{Wrote: true, Status: r.status, Answer: model.Done{}}
	}
	return c.restarted(ctx, call, m, r)
}

// restarted waits until the invocation has ended that a restart began. Whatever happens, the
// restart may have its effect.
func (c *Client) restarted(ctx context.Context, call Call, m model.Manage, r response) Result {
	var began struct {
		ID string `json:"new_invocation_id"`
	}
	if err := json.Unmarshal(r.body, &began); err != nil || began.ID == "" {
		return Result{Wrote: true, Status: r.status, Reason: model.Unexpected, Detail: "the restart did not say which invocation it began"}
	}
	call.Op = m.Of
	out := c.ask(ctx, call, began.ID+"/attach")
	out.Wrote, out.Invocation = true, began.ID
	if out.Answer == nil && (out.Reason == model.NotSent || out.Reason == model.Rejected) {
		out.Reason = model.Disconnected
	}
	return out
}
