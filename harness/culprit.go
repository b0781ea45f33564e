package harness

import (
	"slices"

	"retain/model"
)

// Culprit is the call that does not finish, in the form that identifies the same bug in
// another run. The zero value means that there is none.
type Culprit struct {
	// State is [Held] where a call does not finish, [Nobody] where nobody has the key.
	State HoldState
	// Kind is the kind of the call's object, "" for the service of the probes, and Handler
	// its handler, "" for an unknown one.
	Kind    model.Kind
	Handler string
	// Ways are the ways in which it fails.
	Ways []FailureMode
}

// Culprit is the call that does not finish; the zero value without one.
func (h *Holding) Culprit() Culprit {
	switch {
	case h == nil || h.State == Unknown:
		return Culprit{}
	case h.Holder == nil:
		return Culprit{State: Nobody}
	}
	c := Culprit{State: Held, Kind: h.Kind, Handler: h.Holder.Handler, Ways: h.Holder.FailureModes}
	if how := h.Holder.failure(); len(c.Ways) == 0 && how != (FailureMode{}) {
		c.Ways = []FailureMode{how}
	}
	return c
}

// IsZero reports whether there is no culprit.
func (c Culprit) IsZero() bool { return c.State == "" }

// CulpritKey is equal for calls that fail alike: the same handler, or nobody, in the same way.
// Regressions store it, and the fingerprints of campaigns are made of it.
type CulpritKey struct {
	State   HoldState  `json:"state"`
	Kind    model.Kind `json:"kind,omitempty"`
	Handler string     `json:"handler,omitempty"`
	// Failure is one of its ways to fail. If Varies is true the call fails with another text
	// each time, and Failure is without it.
	Failure FailureMode `json:"failure,omitzero"`
	Varies  bool        `json:"varies,omitempty"`
}

// IsZero reports whether it is the key of no culprit.
func (k CulpritKey) IsZero() bool { return k == CulpritKey{} }

// Key is the key of the culprit.
func (c Culprit) Key() CulpritKey {
	k := c.keyWith(FailureMode{})
	if len(c.Ways) == 0 {
		return k
	}
	k.Failure = slices.MinFunc(c.Ways, FailureMode.compare)
	if c.varies() {
		k.Failure, k.Varies = k.Failure.general(), true
	}
	return k
}

func (c Culprit) keyWith(way FailureMode) CulpritKey {
	return CulpritKey{State: c.State, Kind: c.Kind, Handler: c.Handler, Failure: way}
}

// varies reports whether it fails with another text each time: then the texts do not count.
func (c Culprit) varies() bool { return len(c.Ways) > mostWays }

// Varies reports whether the call was seen to fail with another text each time.
func (c Caller) Varies() bool { return Culprit{Ways: c.FailureModes}.varies() }

// Like reports whether two are the same, as far as both are known.
func (c Culprit) Like(d Culprit) bool {
	switch {
	case c.keyWith(FailureMode{}) != d.keyWith(FailureMode{}):
		return false
	case len(c.Ways) == 0 || len(d.Ways) == 0:
		return len(c.Ways) == len(d.Ways)
	}
	return slices.ContainsFunc(c.Ways, func(way FailureMode) bool {
		return slices.ContainsFunc(d.Ways, func(other FailureMode) bool {
			return way == other || (c.varies() || d.varies()) && way.general() == other.general()
		})
	})
}

// Has reports whether a key is its own, or that of one of the ways in which it fails.
func (c Culprit) Has(key CulpritKey) bool {
	return c.Key() == key || slices.ContainsFunc(c.Ways, func(way FailureMode) bool { return c.keyWith(way) == key })
}
