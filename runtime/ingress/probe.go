package ingress

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"retain/model"
	"retain/service"
)

// ProbeService is the virtual object of retain's own deployments whose calls show
// readiness. Its exclusive handler "ping" returns {"nonce": s}, with a nonce that only
// this deployment knows.
const ProbeService = "RetainCanary"

// Prober makes the calls that show readiness, and knows whether their answers come from
// the deployment under test. It is safe for concurrent use.
type Prober interface {
	// Target is the virtual object that a probe calls to ask about the partition of a key.
	Target(key string) (service, objectKey string)
	// probe makes one probe. Its error is one of [Client.Probe].
	probe(ctx context.Context, c *Client, key string) error
}

// Nonce is the prober of retain's own deployments: [ProbeService] answers with it, and no
// other deployment's does.
type Nonce string

// Target is the probe object with the same key, and so in the same partition.
func (Nonce) Target(key string) (service, objectKey string) { return ProbeService, key }

func (n Nonce) probe(ctx context.Context, c *Client, key string) error {
	body, err := c.call(ctx, c.base+"/"+ProbeService+"/"+url.PathEscape(key)+"/ping", nil, "")
	if err != nil {
		return err
	}
	var answer struct {
		Nonce Nonce `json:"nonce"`
	}
	switch err := json.Unmarshal(body, &answer); {
	case err != nil || answer.Nonce == "":
		return fmt.Errorf("%w: the probe was answered with %.80q", ErrMixedUp, body)
	case answer.Nonce != n:
		return fmt.Errorf("%w: the probe answers with the nonce %q, not %q", ErrWrongServer, answer.Nonce, n)
	}
	return nil
}

// Calls is the prober of other people's deployments, which have no probe: it calls one of
// their handlers, on objects of its own. That the deployment is the one under test is
// shown by the endpoint proxy, which has seen the probe's tag.
// Each probe has an object of its own: one that waits for its answer does not hold up the
// next one.
type Calls struct {
	op         model.Operation
	want       model.Answer
	partitions int
	control    service.Control

	mu     sync.Mutex
	made   int            // how many objects were made
	latest map[int]string // the key of the last one in each partition
}

// NewCalls makes probes of the handler that fits best. The server has so many partitions, 0
// if that is not known.
func NewCalls(contract service.Contract, partitions int, control service.Control) (*Calls, error) {
	op := probeOf(contract)
	if op == nil {
		return nil, fmt.Errorf("the deployment has no handler that shows readiness: it serves %s", strings.Join(contract.Services(), ", "))
	}
	if partitions == 0 {
		partitions = fine
	}
	_, want := op.Apply(op.Kind().Initial())
	return &Calls{op: op, want: want, partitions: partitions, control: control, latest: map[int]string{}}, nil
}

// fine divides the keys so finely that two of one part are in one partition of nearly any
// server.
const fine = 1 << 12

// probeOf is the read of an object that a contract serves, best an exclusive one that
// changes nothing: that one needs all of a partition. It is nil if there is none.
func probeOf(contract service.Contract) (best model.Operation) {
	rank := func(op model.Operation) int {
		switch {
		case contract[op.Kind().Service()+"/"+op.Handler()] == service.Shared:
			return 1
		case model.EffectOf(op) != model.Reads: // add(0)
			return 2
		}
		return 3
	}
	for _, k := range model.Kinds() {
		for _, op := range k.Spec().WholeReads(nil) {
			if contract.Serves(k.Service(), op.Handler()) && (best == nil || rank(op) > rank(best)) {
				best = op
			}
		}
	}
	return best
}

// Target is the object of the latest probe in the same partition.
func (p *Calls) Target(key string) (service, objectKey string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.op.Kind().Service(), p.latest[PartitionOf(key, p.partitions)]
}

// next is the key of an object that nothing has called, in the partition of a key.
func (p *Calls) next(key string) string {
	want := PartitionOf(key, p.partitions)
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		p.made++
		objectKey := "probe-" + strconv.Itoa(p.made) + "-" + key
		if PartitionOf(objectKey, p.partitions) == want {
			p.latest[want] = objectKey
			return objectKey
		}
	}
}

func (p *Calls) probe(ctx context.Context, c *Client, key string) error {
	tag := "probe-" + uuid.NewString()
	var passed sync.Once
	seen := make(chan struct{})
	defer p.control.Observe(func(e service.Evidence) {
		if e.Tag == tag {
			passed.Do(func() { close(seen) })
		}
	})()
	name := p.op.Kind().Service()
	target := strings.Join([]string{c.base, name, url.PathEscape(p.next(key)), p.op.Handler()}, "/")
	body, err := c.call(ctx, target, p.op.Request(), tag)
	if err != nil {
		return err
	}
	if answer, err := p.op.Decode(body); err != nil || !answer.Equal(p.want) {
		return fmt.Errorf("%w: the probe %s %s was answered with %.80q, not with %s", ErrMixedUp, name, p.op, body, p.want)
	}
	select {
	case <-seen: // before the handler was called
		return nil
	default:
		return fmt.Errorf("%w: the probe %s %s was answered, and the endpoint proxy has not seen its call", ErrWrongServer, name, p.op)
	}
}
