package harness

import (
	"cmp"
	"slices"
	"time"

	"retain/model"
	"retain/runtime"
)

// Switch is a start as another version than the one that ran, in a history. Versions have
// the plan's names for them.
type Switch struct {
	// Step is the plan's start step, 0 for a start of the harness.
	Step int    `json:"step,omitempty"`
	From string `json:"from"`
	To   string `json:"to"`
	// Server is what the started server said it is, "1.7.12 (577e032)"; "" if it did not.
	Server string `json:"server,omitempty"`
	// Fault is what ended the server before.
	Fault model.FaultKind `json:"fault"`
	// Open counts the operations on the wire when that began; Queued are those of them that
	// waited for the key of an object which another of them held.
	Open   int `json:"open"`
	Queued int `json:"queued"`
	// Outage is from the end of the old server until calls went through in every partition, 0
	// if they never did.
	Outage time.Duration `json:"outage_ns,omitempty"`
	// Resent counts the operations that had been answered before and were sent again after it
	// and before the next switch; Same are those of them that got the same answer.
	Resent int `json:"resent,omitempty"`
	Same   int `json:"same,omitempty"`
	// Excused names the known refusal that it ended in, "" for none: the server went forward
	// again.
	Excused string `json:"excused,omitempty"`
	// Kinds are the kinds of objects with an acknowledged write before it, on an object that
	// was read after it and before the next switch.
	Kinds []model.Kind `json:"kinds,omitempty"`
	// Reads counts the reads that were answered after it and before the next switch, Objects
	// the objects that they read.
	Reads   int `json:"reads,omitempty"`
	Objects int `json:"objects,omitempty"`
	// Seq is the history's number of the moment when the start began.
	Seq int64 `json:"-"`
}

// SwitchesOf are the switches of a history, in their order. first is the name of the version
// that the plan began with; "" is what the server said it is.
func SwitchesOf(h *model.History, first string) []Switch {
	if first == "" {
		own, _ := runtime.ParseIdentity(h.Runtime)
		first = own.Version
	}
	var out []Switch
	var at []moment
	running := first
	for i, f := range h.Faults {
		version := cmp.Or(f.Version, first)
		if !f.Kind.Starts() || version == running {
			continue
		}
		s := Switch{Step: f.Step, From: running, To: version, Server: f.StartedVersion(), Outage: outageOf(h, f), Excused: f.Excused, Seq: f.Begin.Seq}
		m := moment{began: f.Begin.Seq, until: model.Forever.Seq, ended: f.Begin.Seq}
		for _, e := range slices.Backward(h.Faults[:i]) {
			if e.Ends() {
				s.Fault, m.ended = e.Kind, e.Begin.Seq
				break
			}
		}
		if n := len(at); n > 0 {
			at[n-1].until = m.ended
		}
		if out, at = append(out, s), append(at, m); s.Excused == "" {
			running = version
		}
	}
	for i := range out {
		out[i].measure(h, at[i])
	}
	return out
}

// moment is when a switch was, as sequence numbers: when the old server's end began, when
// the new one was started, and when the next switch began.
type moment struct{ ended, began, until int64 }

// outageOf is how long the start f took from the end of the server before it, 0 if it did
// not come to its end.
func outageOf(h *model.History, f model.Fault) time.Duration {
	for _, r := range h.Recoveries {
		if r.Spawned >= f.Begin.Ns && r.Step == f.Step && r.Probe > 0 {
			return Recovered{Recovery: r}.Took()
		}
	}
	return 0
}

// measure counts the operations of a switch.
func (s *Switch) measure(h *model.History, m moment) {
	exclusive := map[model.Object]int{}
	written, read := map[model.Object]bool{}, map[model.Object]bool{}
	for i := range h.Operations {
		o := &h.Operations[i]
		if onWire(o, m.ended) {
			s.Open++
			if !h.IsShared(o.Op) {
				exclusive[o.Object]++
			}
		}
		s.addRepeats(o, m)
		switch {
		case o.Outcome != model.OK:
		case !o.Op.ReadOnly() && o.Return.Seq < m.ended:
			written[o.Object] = true
		case o.Op.ReadOnly() && o.Call.Seq > m.began && o.Return.Seq < m.until:
			s.Reads++
			read[o.Object] = true
		}
	}
	for _, n := range exclusive {
		s.Queued += n - 1
	}
	s.Objects = len(read)
	kept := map[model.Kind]bool{}
	for o := range written {
		kept[o.Kind] = kept[o.Kind] || read[o]
	}
	s.Kinds = slices.DeleteFunc(model.Kinds(), func(k model.Kind) bool { return !kept[k] })
}

// addRepeats counts the times that an answered operation was sent again.
func (s *Switch) addRepeats(o *model.Invoked, m moment) {
	kept := o.In(model.Resolved).Answer
	for _, r := range o.Repeats {
		if r.At.Seq < m.began || r.At.Seq > m.until {
			continue
		}
		s.Resent++
		if kept != nil && kept.Equal(r.Answer) {
			s.Same++
		}
	}
}

// onWire reports whether an attempt of an operation was on the wire at a time.
func onWire(o *model.Invoked, seq int64) bool {
	return slices.ContainsFunc(o.Attempts, func(a model.Attempt) bool { return a.Wrote && a.Start.Seq < seq && seq < a.End.Seq })
}
