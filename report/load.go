package report

import (
	"fmt"
	"slices"

	"retain/harness"
	"retain/harness/regress"
	"retain/model"
)

// loadRow is what the loads of a session or a campaign tested, nil without loads.
func loadRow(l harness.LoadCounters) []string {
	if l.Plans == 0 {
		return nil
	}
	work := fmt.Sprintf("%s with a load · %s (%s)", plural(l.Plans, "plan"), plural(l.Operations, "operation"), loadRate(l))
	strikes := "no stop or kill while a load ran"
	if l.Strikes > 0 {
		strikes = fmt.Sprintf("%.1f in flight at a stop or kill, in the mean · at most %d of them on one key", l.MeanInFlight(), l.OnOneKey)
	}
	return []string{work, strikes, fmt.Sprintf("%s · %s read back after a restart", resolved(l.Ambiguous, l.Resolved, l.Open), plural(l.ReadBack, "value"))}
}

// loadRate is the rate of the operations of loads while the server was ready.
func loadRate(l harness.LoadCounters) string {
	if l.UpNs == 0 {
		return "on no server that was ready"
	}
	return fmt.Sprintf("%s per second while the server was ready", thousands(int(l.Rate())))
}

// neededLoad says which load a reduced plan needs to fail, and how often an operation of it
// fails if chance decides; nil if it needs none.
func neededLoad(s *regress.Shrunk) []string {
	l := s.NeedsLoad()
	if l.Clients == 0 {
		return nil
	}
	line := "needs a load of " + l.String()
	if s.Run != nil {
		if n := s.Rate.OneIn(s.Run.Tally.Load.Operations); n > 1 {
			line += fmt.Sprintf(" · about 1 operation of the load in %s", thousands(n))
		}
	}
	return []string{line}
}

// notShown counts the operations of the load on the object of a violation that its table
// leaves out, and the clients that have no operation in it; nil without any.
func notShown(r harness.Run) []string {
	object := objectOf(r)
	ids, _ := shown(r)
	if len(ids) == 0 {
		return nil
	}
	all, left := 0, 0
	shows := map[string]bool{} // by client, whether the table has it
	for _, o := range r.Outcome.History.Operations {
		if o.Object != object || o.Phase != model.Load {
			continue
		}
		all++
		inTable := slices.Contains(ids, o.ID)
		shows[column(o)] = shows[column(o)] || inTable
		if !inTable {
			left++
		}
	}
	if left == 0 {
		return nil
	}
	clients := 0
	for _, has := range shows {
		if !has {
			clients++
		}
	}
	says := fmt.Sprintf("%s of %s of the load on %s", thousands(left), plural(all, "operation"), object)
	if clients > 0 {
		says += fmt.Sprintf(" · %s of %s", thousands(clients), plural(len(shows), "client"))
	}
	return []string{says}
}

// resolved says what became of ambiguous operations.
func resolved(ambiguous, resolved, open int) string {
	switch {
	case open > 0:
		return fmt.Sprintf("%s ambiguous, %s resolved, %s left open", thousands(ambiguous), thousands(resolved), thousands(open))
	case ambiguous == 0:
		return "none ambiguous"
	}
	return fmt.Sprintf("%s ambiguous, all resolved", thousands(ambiguous))
}
