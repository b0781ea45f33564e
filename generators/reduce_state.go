package generators

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// keyOf is equal for plans that do the same: where they were drawn, the names of
// clients, and what a trigger waits for whose step is gone, make no difference.
func keyOf(p Plan) string {
	p.Seed, p.Number, p.RapidSteps = 0, 0, 0
	hash := sha256.Sum256(Encode(renumbered(p).rather(overTrigger)))
	return hex.EncodeToString(hash[:12])
}

// rather is the plan with another trigger wherever one waits for a step that is gone.
func (p Plan) rather(t Trigger) Plan {
	p.Steps = slices.Clone(p.Steps)
	for i, s := range p.Steps {
		if f, is := s.(Inject); is && p.isOver(f.When) {
			f.When = t
			p.Steps[i] = f
		}
	}
	return p
}

// overTrigger stands for every trigger that is due at once.
var overTrigger = WhileOpen{Step: 1 << 30}

// isOver reports whether the trigger waits for a step that is gone.
func (p Plan) isOver(t Trigger) bool {
	awaited := 0
	switch t := t.(type) {
	case WhileOpen:
		awaited = t.Step
	case AtGate:
		awaited = t.Step
	case InFlight:
		return t.Operations > p.Load.Clients
	default:
		return false
	}
	return !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.StepID() == awaited })
}

func (r Reduction) clone() Reduction {
	r.tried = maps.Clone(r.tried)
	if r.tried == nil {
		r.tried = map[string]Rate{}
	}
	return r
}

// reductionVersion is the version of a stored reduction's format.
const reductionVersion = 1

// storedReduction is a [Reduction] in JSON.
type storedReduction struct {
	Version    int             `json:"version"`
	From       int             `json:"from"`
	Executions int             `json:"executions"`
	TookMs     int64           `json:"took_ms"`
	Ending     Ending          `json:"ending,omitempty"`
	Failures   float64         `json:"strikes"` // of the best, older executions weighed less
	Runs       float64         `json:"runs"`
	Best       json.RawMessage `json:"best"`
	Tried      map[string]Rate `json:"tried"`
}

// MarshalJSON gives all that is needed to go on.
func (r Reduction) MarshalJSON() ([]byte, error) {
	return json.Marshal(storedReduction{
		Version: reductionVersion, From: r.From, Executions: r.Executions, TookMs: r.Took.Milliseconds(), Ending: r.Ending,
		Failures: r.rate.failures, Runs: r.rate.runs, Best: Encode(r.Best), Tried: r.tried,
	})
}

// UnmarshalJSON reads what [Reduction.MarshalJSON] gave.
func (r *Reduction) UnmarshalJSON(b []byte) error {
	var s storedReduction
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("read a stored reduction: %w", err)
	}
	if s.Version < 1 || s.Version > reductionVersion {
		return fmt.Errorf("the reduction has format version %d; this retain reads up to %d: use a newer one", s.Version, reductionVersion)
	}
	best, err := Decode(bytes.TrimSpace(s.Best))
	if err != nil {
		return fmt.Errorf("read a stored reduction: its best plan: %w", err)
	}
	*r = Reduction{
		Best: best, From: s.From, Executions: s.Executions, Took: time.Duration(s.TookMs) * time.Millisecond, Ending: s.Ending,
		tried: s.Tried, rate: decaying{s.Failures, s.Runs},
	}
	return nil
}
