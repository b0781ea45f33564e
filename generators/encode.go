package generators

import (
	"bytes"
	"encoding/json"
	"fmt"
	"retain/model"
	"strconv"
)

// header is what stands before the steps in a plan's JSON.
type header struct {
	Version    int       `json:"version"`
	Seed       string    `json:"seed"` // in quotes: JSON numbers lose precision beyond 2^53
	Number     int       `json:"number"`
	RapidSteps int       `json:"rapid_steps,omitempty"`
	Config     Config    `json:"config"`
	Load       *loadLine `json:"load,omitempty"`
}

// loadLine is a [Load] in JSON.
type loadLine struct {
	Load
	Seed string `json:"seed"` // in quotes, as that of the plan
}

// operateLine is an [Operate] in JSON.
type operateLine struct {
	ID     int    `json:"id"`
	Client int    `json:"client"`
	Do     string `json:"do"` // the object and the operation: "counter-0 add(1)"
}

// injectLine is an [Inject] in JSON. At most one of while, gate, during and
// in_flight is there; none of them is [InPlace].
type injectLine struct {
	ID       int             `json:"id"`
	Fault    model.FaultKind `json:"fault"`
	Target   model.Target    `json:"target,omitempty"`
	While    int             `json:"while,omitempty"`     // [WhileOpen]
	Gate     string          `json:"gate,omitempty"`      // [AtGate]: "before" or "after"
	Step     int             `json:"step,omitempty"`      // ... of this step
	During   Milestone       `json:"during,omitempty"`    // [Starting]
	OffsetMs int             `json:"offset_ms,omitempty"` // ... and this much later
	InFlight int             `json:"in_flight,omitempty"` // [InFlight]
	Start    StartConfig     `json:"start,omitzero"`
	Version  string          `json:"version,omitempty"`
	Hold     bool            `json:"hold,omitempty"` // HoldThroughStop
}

// Encode gives the plan as JSON, one line per step, for people to read and edit.
// Equal plans give equal bytes, and [Decode] reads a valid plan back exactly (a
// nil trigger as [InPlace], which it means).
func Encode(p Plan) []byte {
	h := header{Version: p.version(), Seed: strconv.FormatUint(p.Seed, 10), Number: p.Number, RapidSteps: p.RapidSteps, Config: p.Config}
	if p.Load.Clients != 0 {
		h.Load = &loadLine{Load: p.Load, Seed: strconv.FormatUint(p.Load.Seed, 10)}
	}
	head := line(h)
	var b bytes.Buffer
	b.Write(head[:len(head)-1]) // without the brace that closes it
	b.WriteString(`,"steps":[`)
	for i, s := range p.Steps {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n  ")
		b.Write(encodeStep(s))
	}
	if len(p.Steps) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("]}\n")
	return b.Bytes()
}

// version is that of the oldest format that has all that the plan says.
func (p Plan) version() int {
	const startsAndLoads, withVQueues = 2, 3
	if p.Config.ResendAnswered {
		return PlanVersion
	}
	if p.Config.VQueues {
		return withVQueues
	}
	if p.Load.Clients != 0 || p.Config.Start != (StartConfig{}) || p.Config.TakeOver != "" {
		return startsAndLoads
	}
	for _, s := range p.Steps {
		f, is := s.(Inject)
		if _, load := f.When.(InFlight); is && (load || f.Start != (StartConfig{})) {
			return startsAndLoads
		}
	}
	return 1
}

func encodeStep(s Step) []byte {
	switch s := s.(type) {
	case Operate:
		return line(operateLine{ID: s.ID, Client: s.Client, Do: fmt.Sprintf("%s %v", s.Object, s.Op)})
	case Inject:
		l := injectLine{ID: s.ID, Fault: s.Fault, Target: s.Target, Version: s.Version, Start: s.Start, Hold: s.HoldThroughStop}
		switch when := s.When.(type) {
		case WhileOpen:
			l.While = when.Step
		case AtGate:
			l.Gate, l.Step = gateBefore, when.Step
			if when.After {
				l.Gate = gateAfter
			}
		case Starting:
			l.During, l.OffsetMs = when.Milestone, when.OffsetMs
		case InFlight:
			l.InFlight = when.Operations
		}
		return line(l)
	}
	return []byte("null") // no step: Decode and Validate refuse it
}

// The sides of an operation's effect, in JSON.
const (
	gateBefore = "before"
	gateAfter  = "after"
)

// line is one line of JSON without HTML escapes.
func line(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("generators: encode %T: %v", v, err)) // only structs of strings, numbers and booleans come here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
