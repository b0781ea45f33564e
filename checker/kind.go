package checker

import (
	"reflect"

	"retain/model"
)

// kindPart is how histories of a kind of object are decided. Each kind's part stands in a
// file of its own, kind_NAME.go, and registers there. A kind without one is decided all
// the same, by its sequential specification alone: by just-in-time linearization and by porcupine.
type kindPart struct {
	// parts cut an object's records into pieces; nil if they are one piece.
	parts func(records []record, sharedGet bool) []part
	// fast is the near-linear decision, and its name; nil if there is none.
	fast func(p part, budget search) (fast, Decision)
	// whyNot says why the near-linear decision does not apply to a part.
	whyNot func(p part) string
	// machine makes the specification on states that are numbers, nil if the time is
	// up; without one, the model's states are numbered as they come.
	machine func(records []record, clock *deadline) machine
	// impossible is the guarantee that an answer breaks which the operation gives in no
	// state, "" for none; nil if answers only differ from that by their type.
	impossible func(op model.Operation, answer model.Answer) model.GuaranteeCode
	// guarantee names the one that a proof breaks, none if it is none of the kind's own; nil
	// for a kind without such.
	guarantee func(n *naming) Guarantee
}

var kindParts = map[model.Kind]kindPart{}

func registerKind(k model.Kind, p kindPart) model.Kind {
	kindParts[k] = p
	return k
}

// partsOf cuts one view of an object into parts: if a part is illegal, the
// object is; if every part is legal, the object is.
func partsOf(kind model.Kind, records []record, sharedGet bool) []part {
	if cut := kindParts[kind].parts; cut != nil {
		return cut(records, sharedGet)
	}
	return []part{{kind: kind, records: records}}
}

// nearLinear decides a part by the near-linear decision of its kind, where there is one
// that applies.
func nearLinear(p part, budget search) (fast, Decision) {
	if decide := kindParts[p.kind].fast; decide != nil {
		return decide(p, budget)
	}
	return fast{}, ""
}

// whyNot says why no near-linear decision applies to a part.
func whyNot(p part) string {
	if why := kindParts[p.kind].whyNot; why != nil {
		return why(p)
	}
	return "there is none for a " + string(p.kind)
}

// writtenTwice is why a decision that needs distinct values does not apply.
func writtenTwice(part) string { return "values were written more than once" }

// machineOf makes the machine for records of a kind of object, nil if the time is up.
func machineOf(kind model.Kind, records []record, clock *deadline) machine {
	if of := kindParts[kind].machine; of != nil {
		return of(records, clock)
	}
	return newNumbered(kind, records)
}

// impossible is the guarantee that an answer breaks which the operation gives in no
// state of the object, "" for none. Such an answer is a violation by itself.
func impossible(op model.Operation, answer model.Answer) model.GuaranteeCode {
	if of := kindParts[op.Kind()].impossible; of != nil {
		return of(op, answer)
	}
	_, given := op.Apply(op.Kind().Initial())
	return unless(reflect.TypeOf(given) == reflect.TypeOf(answer), op, answer)
}

// unless is the guarantee that an answer breaks which does not fit, "" for one that does.
func unless(fits bool, op model.Operation, answer model.Answer) model.GuaranteeCode {
	if fits {
		return ""
	}
	return misfit(op, answer)
}

// numbered is the machine of a kind that has none of its own: it numbers the states of
// the model in the order in which they come.
type numbered struct {
	records []record
	states  []model.State
	known   map[uint64][]int64 // states by their hashes
}

func newNumbered(kind model.Kind, records []record) machine {
	m := &numbered{records: records, known: map[uint64][]int64{}}
	m.number(kind.Initial())
	return m
}

func (m *numbered) number(s model.State) int64 {
	hash := s.Hash()
	for _, n := range m.known[hash] {
		if m.states[n].Equal(s) {
			return n
		}
	}
	n := int64(len(m.states))
	m.states = append(m.states, s)
	m.known[hash] = append(m.known[hash], n)
	return n
}

func (*numbered) start() int64 { return 0 }

func (m *numbered) size() int { return len(m.states) }

func (m *numbered) apply(state int64, i int) (int64, bool) {
	r := &m.records[i]
	next, answer := r.op.Apply(m.states[state])
	return m.number(next), r.answer == nil || r.answer.Equal(answer)
}
