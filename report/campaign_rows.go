package report

import (
	"cmp"
	"fmt"
	"slices"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/harness/triage"
)

// Campaign says what a campaign found so far, in the words of a session. page is
// the file of its page, "" for none.
func Campaign(c *campaign.Campaign, page string) (out Rows) {
	t := c.Totals()
	verdict, why := c.Verdict()
	found := findings(c)
	says := keptSentence(t.Verdicts[harness.Known])
	switch verdict {
	case harness.Violation:
		says = plural(len(found), "finding") + ", in " + plural(t.Verdicts[harness.Violation], "plan")
	case harness.Undecided:
		says = plural(t.Verdicts[harness.Undecided], "plan") + " without a verdict: neither kept nor lost is shown"
	case harness.Harness:
		says = "the suite could not do its work"
	case harness.Interrupted:
		says = interrupted(t.Verdicts)
	case harness.Vacuous:
		says = plural(t.Plans, "plan") + " passed and together prove too little to call it green"
	}
	out.add(string(verdict), says)
	out.addBecause(why)
	out.addBuilds(c)
	out.add("tested", append([]string{
		fmt.Sprintf("%s · %s · %s · %s seen to the end", plural(t.Plans, "plan"), plural(t.Operations, "operation"), faults(t.Faults), plural(t.Restarts, "restart")),
		fmt.Sprintf("%s of workers' time in %s, %s of it in plans", span(t.Took), segmentsText(c), percent(t.Inside.Seconds(), t.Took.Seconds())),
	}, managed(t.Managed)...)...)
	out.add("load", loadRow(t.Load)...)
	out.add("covered", coveredText(t.Coverage))
	out.addSituations(c)
	out.add("found", foundLines(found)...)
	out.add("canaries", canaryText(c))
	out.add("verdicts", verdicts(t.Verdicts))
	out.add("known", campaignKnown(c)...)
	out.addExcludes(t)
	if page != "" {
		out.add("page", page)
	}
	return out
}

// addBecause adds what keeps a campaign from a pass.
func (r *Rows) addBecause(why []string) { r.add("because", why...) }

// addBuilds adds what was tested.
func (r *Rows) addBuilds(c *campaign.Campaign) { r.add("build", buildsWith(c)...) }

// addExcludes adds what the passes rule out.
func (r *Rows) addExcludes(t campaign.Totals) { r.add("excludes", campaignExcludes(t)...) }

// addSituations adds how many situations were tested.
func (r *Rows) addSituations(c *campaign.Campaign) {
	m := matrixOf(c)
	r.add("situations", fmt.Sprintf("%d of %d tested (operation x fault x where it stood x class), %s", m.Tested, m.All, workAxisOf(c).recent()))
}

// maxFound bounds the findings with a line each; the page has all.
const maxFound = 8

func foundLines(found []campaignFinding) (out []string) {
	for i, f := range found {
		if i == maxFound {
			return append(out, fmt.Sprintf("... and %d more in %s", len(found)-i, triage.PageFile))
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

// segmentsText says how many processes worked on how many shards, and how many were
// cut off.
func segmentsText(c *campaign.Campaign) string {
	shards, cut := map[int]bool{}, 0
	for i := range c.Segments {
		s := &c.Segments[i]
		shards[s.Shard.Index] = true
		if s.End == nil {
			cut++
		}
	}
	text := fmt.Sprintf("%s of %s", plural(len(c.Segments), "segment"), plural(len(shards), "shard"))
	if cut > 0 {
		text += fmt.Sprintf(" (%d without an end: under way, or killed)", cut)
	}
	return text
}

// builds are the servers that were tested, each once.
func builds(c *campaign.Campaign) (out []string) {
	for i := range c.Segments {
		for _, j := range c.Segments[i].Plans {
			line := j.Identity
			if sdk := cmp.Or(j.SDK, c.Segments[i].SDK); sdk != "" {
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
	for i := range c.Segments {
		for _, k := range c.Segments[i].Canaries {
			all++
			if k.Caught {
				caught++
			}
		}
	}
	return fmt.Sprintf("%d of %d planted bugs were caught", caught, all)
}

// campaignExcludes is what the passes rule out; where plans failed, how often.
func campaignExcludes(t campaign.Totals) []string {
	passed, failed := t.Verdicts[harness.Pass], t.Verdicts[harness.Violation]
	switch {
	case failed > 0:
		return []string{fmt.Sprintf("nothing: %s of the judged plans failed", generators.Rate{Failures: failed, Runs: passed + failed})}
	case harness.Excludes(passed) == 0:
		return []string{fmt.Sprintf("nothing yet: too small to judge, %s", plural(passed, "plan"))}
	}
	out := []string{fmt.Sprintf("failures in more than %.2g %% of such plans (95 %%: none in %s)", 100*harness.Excludes(passed), plural(passed, "plan"))}
	return append(out, excludedWrites(t.Passed)...)
}
