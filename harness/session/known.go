package session

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/harness"
)

// judgeKnown names the known findings that a run shows. If it shows nothing else, it is no
// news, except in a replay.
func (s *session) judgeKnown(r *harness.Run) {
	if s.Fresh {
		s.Options.Known.Name(r, s.Check, time.Now())
		return
	}
	s.Options.Known.Judge(r, s.Check, time.Now())
}

// knownRetries is how often a call must fail once more in a known way until it counts as
// stuck, whether its bound has passed or not.
const knownRetries = 4

// boundsOn are the bounds of a plan's run on a server. A call that is stuck in a known way
// costs no more time than it takes to see that.
func (s *session) boundsOn(sys *server, plan generators.Plan) harness.Bounds {
	out := s.Bounds
	if s.Fresh || len(plan.Versions()) > 0 {
		return out
	}
	if like := s.Options.Known.Stuck(sys.Runtime.Identity().Version, time.Now()); like != nil {
		out.Early = harness.EarlyStop{Like: like, Retries: knownRetries}
	}
	return out
}

// countedAs is the verdict under which a plan was counted whose objects were read again:
// that of a plan which passed, or showed a known finding before its server admitted more.
// The caller holds the lock.
func (s *session) countedAs(r harness.Run) harness.Verdict {
	earlier := slices.ContainsFunc(s.result.Known, func(k harness.Run) bool { return k.Number == r.Number && !k.Ledger })
	if earlier {
		return harness.Known
	}
	return harness.Pass
}

// nameNotSeen names the known findings that no run showed, though servers that have them
// were tested.
func (s *session) nameNotSeen() {
	var seen []string
	for _, r := range slices.Concat(s.result.Known, s.result.Failures) {
		for _, k := range r.Known {
			seen = append(seen, k.Link)
		}
	}
	if s.Fresh {
		return
	}
	versions := []string{s.result.Identity.Version}
	for _, started := range slices.Sorted(maps.Keys(s.result.Tally.Versions)) {
		version, _, _ := strings.Cut(started, " ") // the build stands behind it
		versions = append(versions, version)
	}
	for _, v := range slices.Compact(versions) {
		for _, k := range s.Options.Known.NotSeen(v, s.result.Tally.Coverage, seen, time.Now()) {
			seen = append(seen, k.Link)
			s.result.KnownNotSeen = append(s.result.KnownNotSeen, k)
		}
	}
}

// LostToKnown says that known findings took most of the plans, "" if they did not.
func LostToKnown(counts map[harness.Verdict]int) string {
	lost, judged := counts[harness.Known], counts[harness.Known]+counts[harness.Pass]+counts[harness.Undecided]
	if 2*lost <= judged {
		return ""
	}
	return fmt.Sprintf("plans without a known finding: %d of %d, half of them needed", judged-lost, judged)
}
