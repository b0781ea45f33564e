package report

import (
	"fmt"

	"retain/checker"
	"retain/generators"
	"retain/harness"
)

// maxUndecided bounds the plans that are told one by one.
const maxUndecided = 3

func undecided(r harness.Run, c Context) Rows { return undecidedRuns([]harness.Run{r}, c) }

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
		do = append(do, fmt.Sprintf("go test -run Recheck -history %s -check.budget 10m   (no server needed)", historyOf(r)))
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
