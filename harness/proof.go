package harness

import (
	"fmt"

	"retain/generators"
)

// judgeable is the number of plans from which on a session must prove its work;
// a smaller one is too small to judge.
const judgeable = 20

// Missing lists what a session lacks to be called green: nil if nothing. Per plan
// in the mean it needs one restart, one operation in flight at a fault and one
// acknowledged value read back across a restart, and no cell of [generators.Cells] may be
// empty.
func (t Tally) Missing() []string {
	if t.Plans == 0 {
		return []string{"plans: 0 of 1 needed"}
	}
	if t.Plans < judgeable {
		return nil
	}
	var out []string
	need := func(what string, have, want int) {
		if have < want {
			out = append(out, fmt.Sprintf("%s: %d of %d needed", what, have, want))
		}
	}
	need("restarts", len(t.Recoveries), t.Plans)
	need("operations in flight at a fault", t.InFlight, t.Plans)
	need("values read back after a restart", t.ReadBack, t.Plans)
	for _, c := range generators.Cells() {
		need(fmt.Sprintf("operations in flight, %s", c), t.Cells[c], 1)
	}
	return out
}

// TooSmall reports whether the session has too few plans to be judged.
func (t Tally) TooSmall() bool { return t.Plans < judgeable }
