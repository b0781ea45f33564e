package report

import (
	"fmt"
	"slices"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/harness"
)

// maxUndecided bounds the plans with a line each.
const maxUndecided = 3

func undecided(r harness.Run, c Context) Rows {
	out := undecidedRuns([]harness.Run{r}, c)
	out.add("build", tested(r, c)...)
	return out
}

// undecidedRuns says of which plans nothing is known, and how to know it.
func undecidedRuns(runs []harness.Run, c Context) (out Rows) {
	of := ""
	if c.Of > 0 {
		of = fmt.Sprintf("%d of %s: ", len(runs), plural(c.Of, "plan"))
	} else if len(runs) == 1 {
		of = fmt.Sprintf("plan %d: ", runs[0].Number)
	}
	var why, size, do []string
	on := ""
	for i, r := range runs {
		if i == maxUndecided {
			do = append(do, fmt.Sprintf("... and %d more", len(runs)-i))
			break
		}
		for _, o := range r.Check.Objects {
			if o.Verdict != checker.Undecided {
				continue
			}
			if on != "" {
				on += ", "
			}
			on += o.Object.Kind.Service() + " " + o.Object.String()
			why = append(why, oneLine(o.Reason))
			size = append(size, sizeOf(r, o))
		}
		do = append(do, decideIt(historyOf(r), longRecheck, r.Check.Objects)...)
	}
	if on == "" {
		on = "what it did"
		for _, r := range runs[:min(len(runs), maxUndecided)] {
			why = append(why, oneLine(r.Sentence))
		}
	}
	out.add("undecided", of+"no verdict on "+on+". Neither kept nor lost is shown")
	out.add("why", why...)
	out.add("size", size...)
	out.add("do", do...)
	if c.Passed > 0 && c.Of > 0 {
		out.add("the rest", fmt.Sprintf("%s pass and are counted as %s", plural(c.Passed, "plan"), thousands(c.Passed)))
	}
	for _, r := range runs {
		out.add("not saved", notSaved(r)...)
	}
	return out
}

// longRecheck is the budget with which what a session left undecided is judged again.
const longRecheck = 10 * time.Minute

// decideIt is what may decide the history in the file, of which objects are undecided:
// another check with a budget that gives more of the bound that was reached. -run
// Recheck takes more memory with more time, up to [checker.MostMemory]; where that was
// reached, no budget helps.
func decideIt(file string, budget time.Duration, objects []checker.ObjectResult) []string {
	helps, needs := false, ""
	for _, o := range objects {
		switch {
		case o.Spent == nil:
		case o.Spent.Bound == checker.ByTime:
			helps = true
			budget = max(budget, 10*o.Spent.Time)
		case o.Spent.Of < checker.MostMemory:
			helps, needs = true, fmt.Sprintf(", takes up to %d GiB of memory", checker.MostMemory>>30)
		}
	}
	if helps || !slices.ContainsFunc(objects, func(o checker.ObjectResult) bool { return o.Spent != nil }) {
		return []string{fmt.Sprintf("go test -run Recheck -history %s -check.budget %s   (no server needed%s)", file, short(budget), needs)}
	}
	return []string{fmt.Sprintf("no budget helps: the check took %d GiB of memory, the most that it may", checker.MostMemory>>30),
		"a history is decided more easily where fewer operations are open at once (-load, without -unresolved) and values are written once"}
}

// sizeOf is how large the object's history is, and why operations are open in it.
func sizeOf(r harness.Run, o checker.ObjectResult) string {
	line := plural(o.Operations, "operation")
	if o.Open == 0 {
		return line + ", all answered"
	}
	line += fmt.Sprintf(", %s left open", thousands(o.Open))
	if r.Plan.Config.Resolve == generators.LeaveOpen {
		line += " on purpose (-unresolved, or drawn so)"
	}
	return line
}
