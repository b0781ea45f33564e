package report

import (
	"fmt"
	"slices"
	"strings"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
)

// Campaign says what a campaign found so far, in the words of a session. page is
// the file of its page, "" for none.
func Campaign(c *campaign.Campaign, page string) (out Rows) {
	t := c.Totals()
	verdict, why := c.Verdict()
	found := findings(c)
	says := "no acknowledged write was lost, doubled or seen out of order"
	switch verdict {
	case harness.Violation:
		says = plural(len(found), "finding") + ", in " + plural(t.Verdicts[harness.Violation], "plan")
	case harness.Undecided:
		says = plural(t.Verdicts[harness.Undecided], "plan") + " without a verdict: neither kept nor lost is shown"
	case harness.Harness:
		says = "the suite could not do its work"
	case harness.Vacuous:
		says = plural(t.Plans, "plan") + " passed and together prove too little to call it green"
	}
	out.add(string(verdict), says)
	out.add("because", why...)
	out.add("build", builds(c)...)
	out.add("tested",
		fmt.Sprintf("%s · %s · %s · %s seen to the end", plural(t.Plans, "plan"), plural(t.Operations, "operation"), faults(t.Faults), plural(t.Restarts, "restart")),
		fmt.Sprintf("%s of workers' time in %s, %s of it in plans", span(t.Took), sittings(c), percent(t.Inside.Seconds(), t.Took.Seconds())))
	m := matrixOf(c)
	out.add("situations", fmt.Sprintf("%d of %d tested (operation x fault x where it stood), %s", m.Tested, m.All, worktimeOf(c).recent()))
	out.add("found", foundLines(found)...)
	out.add("canaries", canaryText(c))
	out.add("verdicts", verdictCounts(t))
	out.add("excludes", campaignExcludes(t))
	if page != "" {
		out.add("page", page)
	}
	return out
}

// maxFound bounds the findings that are told in a line each; the page has all.
const maxFound = 8

func foundLines(found []campaignFinding) (out []string) {
	for i, f := range found {
		if i == maxFound {
			return append(out, fmt.Sprintf("... and %d more in %s", len(found)-i, harness.PageFile))
		}
		out = append(out, fmt.Sprintf("%s · %s: %s", f.Says, plural(f.Times, "time"), f.Plans))
	}
	return out
}

// percent prints a share without going over it.
func percent(part, of float64) string {
	if of <= 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.0f %%", 100*min(part/of, 1))
}

// sittings says how many processes worked on how many shards, and how many were
// cut off.
func sittings(c *campaign.Campaign) string {
	shards, cut := map[int]bool{}, 0
	for i := range c.Sittings {
		s := &c.Sittings[i]
		shards[s.Shard.Index] = true
		if s.Ended == nil {
			cut++
		}
	}
	text := fmt.Sprintf("%s of %s", plural(len(c.Sittings), "sitting"), plural(len(shards), "shard"))
	if cut > 0 {
		text += fmt.Sprintf(" (%d without an end: under way, or killed)", cut)
	}
	return text
}

// builds are the servers that were tested, each once.
func builds(c *campaign.Campaign) (out []string) {
	for i := range c.Sittings {
		for _, j := range c.Sittings[i].Plans {
			line := j.Identity
			if sdk := c.Sittings[i].SDK; sdk != "" {
				line += " · " + sdk
			}
			if j.Identity != "" && !slices.Contains(out, line) {
				out = append(out, line)
			}
		}
	}
	return out
}

func canaryText(c *campaign.Campaign) string {
	caught, all := 0, 0
	for i := range c.Sittings {
		for _, k := range c.Sittings[i].Canary {
			all++
			if k.Caught {
				caught++
			}
		}
	}
	return fmt.Sprintf("%d of %d planted bugs were caught", caught, all)
}

func verdictCounts(t campaign.Totals) string {
	var out []string
	for _, v := range []harness.Verdict{harness.Pass, harness.Violation, harness.Undecided, harness.Harness} {
		out = append(out, fmt.Sprintf("%d %s", t.Verdicts[v], v))
	}
	return strings.Join(out, " · ")
}

// campaignExcludes is what the passes rule out; where plans failed, how often.
func campaignExcludes(t campaign.Totals) string {
	passed, failed := t.Verdicts[harness.Pass], t.Verdicts[harness.Violation]
	switch {
	case failed > 0:
		return fmt.Sprintf("nothing: %s of the judged plans failed", generators.Rate{Strikes: failed, Runs: passed + failed})
	case passed < enoughToBound:
		return fmt.Sprintf("nothing yet: too small to judge, %s", plural(passed, "plan"))
	}
	return fmt.Sprintf("failures in more than %.2g %% of such plans (95 %%: none in %s)", 300/float64(passed), plural(passed, "plan"))
}
