package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"retain/service"
)

var (
	// errCut says that the proxy itself breaks the stream.
	errCut = errors.New("the stream is cut")
	// errGone says that the runtime's stream ended while the attempt was held.
	errGone = errors.New("the runtime's stream is gone")
)

var buffers = sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}

// answer is the handler's side of a stream on its way to the runtime.
type answer struct {
	attempt *attempt
	ctx     context.Context // the runtime's stream
	w       io.Writer
	flush   func() error

	scan scanner
	kind kind   // of the current message
	kept []byte // the current message, where it is judged as a whole

	stated  bool // a state command went through
	effect  bool // and was reported
	settled bool // the point after the effect is passed
	closing kind // the message that closed the stream: end, suspension or failure
}

// copy forwards the handler's stream to its end.
func (n *answer) copy(body io.Reader) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		read, err := body.Read(*buf)
		if e := n.forward((*buf)[:read]); e != nil {
			return e
		}
		if errors.Is(err, io.EOF) {
			// A header that never became whole goes on as it is.
			_, err := n.w.Write(n.scan.head[:n.scan.have])
			return err
		}
		if err != nil {
			return fmt.Errorf("reading the handler's stream: %w", err)
		}
	}
}

func (n *answer) forward(b []byte) error {
	if err := n.attempt.flow(n.ctx); err != nil {
		return err
	}
	for len(b) > 0 {
		p, rest, ok := n.scan.next(b)
		b = rest
		if !ok {
			break
		}
		if err := n.piece(&p); err != nil {
			return err
		}
	}
	return n.flush()
}

func (n *answer) piece(p *piece) error {
	part := p.payload
	if p.begins {
		if err := n.begin(&p.head); err != nil {
			return err
		}
		part = p.head[:]
	}
	if n.kept != nil {
		n.kept = append(n.kept, part...)
	} else if _, err := n.w.Write(part); err != nil {
		return err
	}
	if p.ends {
		return n.finish()
	}
	return nil
}

// begin looks at a message's header before it goes on. It may change it: where
// the attempt is to be held after its effect, state commands ask the runtime to
// say that they are stored.
func (n *answer) begin(h *head) error {
	a := n.attempt
	n.kind = a.version.kind(h.typ())
	if n.kind.isCommand() {
		ask := n.kind == state && a.waits(service.After) && h.flags()&ackFlag == 0
		if ask {
			h.askAck()
		}
		a.journal.sent(ask)
	}
	switch n.kind {
	case lazy:
		a.proxy.stats.asked.Add(1)
	case output, end:
		err := n.settle(true)
		if err != nil && n.attempt.isCut.Load() {
			n.tear(h)
		}
		return err
	case suspension:
		return n.settle(false)
	case failure:
		if a.version < failsVersion {
			return n.settle(false)
		}
		n.kept = make([]byte, 0, headLen+int(min(h.length(), 4096)))
	}
	return nil
}

// tear lets half of a header through: the attempt is cut in the middle of its answer.
func (n *answer) tear(h *head) {
	if _, err := n.w.Write(h[:headLen/2]); err == nil {
		_ = n.flush() // the stream is about to be reset
	}
}

// finish follows a message's last byte.
func (n *answer) finish() error {
	switch n.kind {
	case state:
		n.stated = true
	case suspension:
		n.closing = suspension
		n.attempt.proxy.stats.suspended.Add(1)
	case failure:
		return n.finishFailure()
	case end:
		return n.finishEnd()
	}
	return nil
}

// finishFailure forwards an error message. One that ends the invocation is its
// output.
func (n *answer) finishFailure() error {
	if n.kept == nil {
		n.closing = failure
		return nil
	}
	message := n.kept
	n.kept = nil
	final := endsInvocation(message[headLen:])
	if err := n.settle(final); err != nil {
		return err
	}
	if _, err := n.w.Write(message); err != nil {
		return err
	}
	if final {
		return n.finishEnd()
	}
	n.closing = failure
	return nil
}

func (n *answer) finishEnd() error {
	if err := n.flush(); err != nil {
		return err
	}
	n.closing = end
	n.attempt.report(service.Finished)
	return nil
}

// settle is the point after the state commands and before the message that
// closes the attempt. Where that message is the invocation's result, gates and
// cuts after the effect strike here.
func (n *answer) settle(result bool) error {
	if n.settled {
		return nil
	}
	if err := n.flush(); err != nil {
		return err
	}
	if !result {
		n.attempt.journal.end()
		n.reportEffect()
		return nil
	}
	n.settled = true
	defer n.attempt.journal.end() // once no gate holds it any more
	return n.attempt.pass(n.ctx, service.After, n.reportEffect)
}

// reportEffect says, once, that the state commands so far went through. State
// commands in the replay count: they went through in an earlier attempt.
func (n *answer) reportEffect() {
	if n.effect || !n.stated && !n.attempt.journal.hasReplayedState() {
		return
	}
	n.effect = true
	n.attempt.report(service.Effect)
}
