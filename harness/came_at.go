package harness

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"retain/checker"
	"retain/model"
	"retain/runtime"
)

// CameAt says in which version of the server a violation came, and after which start: where
// the last good answer was, and where the first bad one.
type CameAt struct {
	// Start is the number of the start between the two, among those of the history, from 1;
	// 0 if none is. Step is the plan's step of it, 0 for one of the harness's own. Version
	// is what it started.
	Start   int    `json:"start,omitempty"`
	Step    int    `json:"step,omitempty"`
	Version string `json:"version,omitempty"`
	// LastGood is nil if no answer came before. What a server did not do has no answer.
	LastGood *Sighting `json:"last_good,omitempty"`
	FirstBad Sighting  `json:"first_bad"`
}

// Sighting is an answer, and the version of the server that gave it.
type Sighting struct {
	Version   string `json:"version"`
	Operation int    `json:"operation,omitempty"`
	Key       string `json:"key,omitempty"`
	Says      string `json:"says,omitempty"`   // the object and the operation
	Answer    string `json:"answer,omitempty"` // "" for none
	Ms        int64  `json:"ms"`

	// Seq is the history's number of the moment. Milliseconds do not order what they cut.
	Seq int64 `json:"-"`
}

// String says, for example, "counter-0 add(1) -> 3->4 by 1.6.2 at 1718 ms".
func (s Sighting) String() string {
	out := ""
	if s.Says != "" {
		out = s.Says + " "
	}
	if s.Answer != "" {
		out += "-> " + s.Answer + " "
	}
	return out + fmt.Sprintf("by %s at %d ms", s.Version, s.Ms)
}

// String says when it came, in one line.
func (c CameAt) String() string {
	var out strings.Builder
	switch {
	case c.Start == 0:
		fmt.Fprintf(&out, "in %s, without a start in between", c.FirstBad.Version)
	case c.Step == 0:
		fmt.Fprintf(&out, "after start %d, as %s", c.Start, c.Version)
	default:
		fmt.Fprintf(&out, "after step %d, start %d, as %s", c.Step, c.Start, c.Version)
	}
	if c.LastGood != nil {
		fmt.Fprintf(&out, ": last good %s", c.LastGood)
	}
	if c.FirstBad.Answer != "" {
		fmt.Fprintf(&out, ", first bad %s", c.FirstBad)
	}
	return out.String()
}

// CameAt is where the run's violation came, nil for a run of one version, and for one that
// did not violate.
func (r *Run) CameAt() *CameAt {
	if !r.violated() || r.Outcome == nil || r.Outcome.History == nil {
		return nil
	}
	return CameAtOf(r.Outcome.History, r.Check.Broken(), r.Outcome.Liveness)
}

// CameAtOf is where the violation of a history came: of an object, or of what did not
// happen.
func CameAtOf(h *model.History, b *checker.ObjectResult, l *Liveness) *CameAt {
	starts := startsOf(h)
	if !starts.differ() {
		return nil
	}
	var good *Sighting
	var bad Sighting
	switch {
	case b != nil && b.Contradiction > 0:
		good, bad = sightingsOf(h, *b)
	case l != nil:
		last := starts[len(starts)-1]
		bad = Sighting{Seq: last.seq, Ms: last.ns / 1e6}
		if l.Ended { // it answered until then
			bad = Sighting{Seq: model.Forever.Seq, Ms: lastReturn(h).Ns / 1e6}
		}
		good = lastAnswer(h, func(model.Invoked) bool { return true }, bad.Seq)
		if l.Operation > 0 {
			o := h.Operations[l.Operation-1]
			bad.Operation, bad.Says = o.ID, saysOf(o)
		}
	default:
		return nil
	}
	out := &CameAt{LastGood: good, FirstBad: bad}
	out.FirstBad.Version = starts.at(bad.Seq).version
	if good == nil {
		return out
	}
	good.Version = starts.at(good.Seq).version
	if s, between := starts.between(good.Seq, bad.Seq); between {
		out.Start, out.Step, out.Version = s.number, s.step, s.version
	}
	return out
}

func saysOf(o model.Invoked) string { return fmt.Sprintf("%s %s", o.Object, o.Op) }

// sightingsOf are the last good answer and the first bad one of an object that violates.
func sightingsOf(h *model.History, b checker.ObjectResult) (*Sighting, Sighting) {
	o := h.Operations[b.Contradiction-1]
	answered := func(at model.Instant, a model.Answer) Sighting {
		return Sighting{Operation: o.ID, Key: o.Key, Says: saysOf(o), Answer: a.String(), Ms: at.Ns / 1e6, Seq: at.Seq}
	}
	first := o.In(model.Resolved)
	if len(o.Repeats) > 0 && (b.Guarantee.Code == model.AnswerNotKept || b.Guarantee.Code == model.MetadataLost) {
		good := answered(first.Return, first.Answer)
		for _, r := range o.Repeats {
			if !r.Answer.Equal(first.Answer) {
				return &good, answered(r.At, r.Answer)
			}
			good = answered(r.At, r.Answer)
		}
	}
	bad := Sighting{Operation: o.ID, Key: o.Key, Says: saysOf(o), Ms: o.Call.Ns / 1e6, Seq: o.Call.Seq}
	if first.Answer != nil {
		bad = answered(first.Return, first.Answer)
	}
	of := func(other model.Invoked) bool {
		return other.Object == o.Object && other.ID != o.ID && (b.Part == "" || partOf(other.Op) == "" || partOf(other.Op) == b.Part)
	}
	before := min(bad.Seq, o.Call.Seq)
	if b.Guarantee.Code == model.TwoEffectsOfKey || b.Guarantee.Code == model.TwoEffectsOfAppend {
		before = min(before, resendingStart(h, o.Object, bad.Seq))
	}
	good := lastAnswer(h, of, before)
	if life := startsOf(h).at(bad.Seq); good != nil && life.number > 0 && good.Seq > life.seq && !brokenSince(h, o.Object, life.seq) {
		good = lastAnswer(h, of, life.seq)
	}
	return good, bad
}

// sinceBudget bounds the check of one object since a start.
const sinceBudget = 5 * time.Second

// brokenSince reports whether what an object answered since a start has no legal order
// whatever it kept of what had been called before. If it has one, the start lost or changed
// something, and the answers in between only fitted by chance. It is true as well where that
// can't be decided.
func brokenSince(h *model.History, object model.Object, start int64) bool {
	since := &model.History{Header: h.Header, Ended: true}
	for _, o := range h.Operations {
		before := o.Call.Seq < start
		if o.Object != object || before && o.Op.ReadOnly() {
			continue
		}
		if before && o.Outcome != model.Failed {
			o.Outcome, o.Reason, o.Answer, o.Resolution = model.Ambiguous, model.LeftOpen, nil, nil
		}
		o.Repeats = nil
		o.ID = len(since.Operations) + 1
		o.Process = strconv.Itoa(o.ID)
		since.Operations = append(since.Operations, o)
	}
	return checker.Check(since, checker.Options{Budget: sinceBudget}).Verdict != checker.Pass
}

// resendingStart is when the start began after which operations on an object were sent again
// before a moment in its life; the moment if none was. What is read between the start
// and a second effect is still good, and the start brought the second effect about.
func resendingStart(h *model.History, object model.Object, before int64) int64 {
	life := startsOf(h).at(before)
	for _, o := range h.Operations {
		if o.Object != object || o.Call.Seq > life.seq {
			continue
		}
		for _, a := range o.Attempts {
			if a.Start.Seq > life.seq && a.Start.Seq < before {
				return life.seq
			}
		}
	}
	return before
}

// partOf is the entry of a map that an operation is about, "" for the whole object.
func partOf(op model.Operation) string {
	switch op := op.(type) {
	case model.MapGet:
		return op.Key
	case model.MapSet:
		return op.Key
	}
	return ""
}

// lastAnswer is the last answer before a moment of some operations, nil for none. One that
// was called before a start and answered after it does not count: nobody knows which of the
// two servers had its effect.
func lastAnswer(h *model.History, of func(model.Invoked) bool, before int64) (last *Sighting) {
	starts := startsOf(h)
	for _, o := range h.Operations {
		in := o.In(model.Resolved)
		if in.Answer == nil || in.Return.Seq >= before || last != nil && in.Return.Seq < last.Seq || !of(o) {
			continue
		}
		if starts.at(in.Call.Seq).number != starts.at(in.Return.Seq).number {
			continue
		}
		last = &Sighting{Operation: o.ID, Key: o.Key, Says: saysOf(o), Answer: in.Answer.String(), Ms: in.Return.Ns / 1e6, Seq: in.Return.Seq}
	}
	return last
}

// lastReturn is the last moment at which a client stopped waiting.
func lastReturn(h *model.History) (last model.Instant) {
	for _, o := range h.Operations {
		if o.Return != model.Forever && o.Return.Seq > last.Seq {
			last = o.Return
		}
	}
	return last
}

// startsIn are the starts of a history in their order, before them the version that it
// began with.
type startsIn []startIn

type startIn struct {
	number, step int
	seq, ns      int64
	version      string
}

func startsOf(h *model.History) startsIn {
	own, known := runtime.ParseIdentity(h.Runtime)
	if !known {
		own.Version = "the first version"
	}
	out := startsIn{{version: own.Version}}
	for _, f := range h.Faults {
		if !f.Kind.Starts() {
			continue
		}
		out = append(out, startIn{
			number: len(out), step: f.Step, seq: f.Begin.Seq, ns: f.Begin.Ns, version: cmp.Or(f.Reported, f.Version, own.Version),
		})
	}
	return out
}

// differ reports whether the starts have several versions.
func (s startsIn) differ() bool {
	for _, start := range s {
		if start.version != s[0].version {
			return true
		}
	}
	return false
}

// at is the start whose server answered at a moment.
func (s startsIn) at(seq int64) startIn {
	out := s[0]
	for _, start := range s {
		if start.seq <= seq {
			out = start
		}
	}
	return out
}

// between is the start between a good answer and a bad one that changed what answered: the
// first one from which on only the version of the bad one ran or, if both are of one
// version without another in between, the last start.
func (s startsIn) between(good, bad int64) (startIn, bool) {
	after := s.at(bad)
	if after.number == s.at(good).number {
		return startIn{}, false
	}
	for i := after.number; i > 1 && s[i-1].version == after.version && s[i-1].seq > good; i-- {
		if s.at(good).version != after.version {
			after = s[i-1]
		}
	}
	return after, true
}
