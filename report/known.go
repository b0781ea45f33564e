package report

import (
	"fmt"

	"retain/campaign"
	"retain/harness"
	"retain/harness/session"
)

// knownRow says which known findings a violation shows, and why they do not excuse it.
func knownRow(r harness.Run) (lines []string) {
	for _, k := range r.Known {
		switch {
		case k.Expired:
			lines = append(lines, fmt.Sprintf("its entry expired on %s: %s", k.Expires, about(k)))
		case k.InPart:
			lines = append(lines, "in part, and something else broke too: "+about(k))
		default:
			lines = append(lines, about(k))
		}
	}
	return lines
}

// about is a known finding with its link.
func about(k harness.KnownFinding) string {
	if k.Why == "" {
		return k.Link
	}
	return k.Link + " (" + k.Why + ")"
}

// knownIn are the known findings of a session's runs, in the order in which they were seen.
func knownIn(runs []harness.Run) (out []harness.SeenKnown) {
	for _, r := range runs {
		for _, k := range r.Known {
			out = harness.AddSeenKnown(out, k, r.Number, r.Dir)
		}
	}
	return out
}

// knownLines are a line for each known finding that was seen, and for each that was not.
func knownLines(s *session.Result) (lines []string) {
	for _, k := range knownIn(s.Known) {
		lines = append(lines, plural(len(k.Plans), "plan")+": "+about(k.KnownFinding))
	}
	return append(lines, notSeenLines(s.KnownNotSeen)...)
}

func notSeenLines(all []harness.KnownFinding) (lines []string) {
	for _, k := range all {
		line := "not seen: " + about(k)
		if k.Expired {
			line += ", whose entry expired on " + k.Expires
		}
		lines = append(lines, line)
	}
	return lines
}

// keptSentence is what a pass says, if so many plans showed known findings.
func keptSentence(lost int) string {
	says := "no acknowledged write was lost, doubled or seen out of order"
	if lost > 0 {
		return "but for known findings in " + plural(lost, "plan") + ", " + says
	}
	return says
}

// campaignKnown are a line for each known finding that a campaign saw, and for each that it
// did not.
func campaignKnown(c *campaign.Campaign) (lines []string) {
	for _, k := range c.Known() {
		lines = append(lines, plural(len(k.Plans), "plan")+": "+about(k.KnownFinding))
	}
	return append(lines, notSeenLines(c.KnownNotSeen())...)
}
