package report

import (
	"fmt"
	"strings"
	"time"

	"retain/checker"
	"retain/model"
)

// Recheck says what a check of a stored history showed. file is the history's
// path, budget what the check was given.
func Recheck(h *model.History, r checker.Result, file string, budget time.Duration) (out Rows) {
	says := oneLine(r.Reason)
	if r.Verdict == checker.Pass {
		says = "every answer fits one order of the operations"
	}
	b := r.Broken()
	if b != nil {
		says = titled(b.Guarantee, []string{b.Object.Kind.Service() + " " + b.Object.String()})
	}
	out.add(string(r.Verdict), says)
	if h.Runtime != "" {
		out.add("build", h.Runtime)
	}
	if b != nil {
		out.add("", Operations(h, b.Proof, b.Contradiction, remark(h, *b, nil))...)
		out.add("judged", decided(*b, true))
	}
	out.add("size", fmt.Sprintf("%s on %s, checked in %s", plural(len(h.Operations), "operation"), plural(len(r.Objects), "object"), r.Cost))
	if h.Damage != "" {
		out.add("note", oneLine(h.Damage))
	} else if !h.Ended {
		out.add("note", "the history has no end: its session was killed, or is not over")
	}
	if r.Verdict == checker.Undecided {
		out.add("do", fmt.Sprintf("go test -run Recheck -history %s -check.budget %s", file, short(10*budget)))
	}
	return out
}

// decided says by which procedure an object was judged, with what porcupine says
// of it if that is asked for, and what kind of promise broke.
func decided(b checker.ObjectResult, second bool) string {
	line := "by " + string(b.Resolved.By)
	if second {
		if b.Resolved.Second != "" {
			line += "; porcupine says " + string(b.Resolved.Second)
		} else if b.Resolved.By != checker.ByPorcupine {
			line += "; porcupine was not asked (large)"
		}
	}
	return line + " · what broke: " + string(b.Class)
}

// short prints a duration as flags take it, without the zeros: 10m, not 10m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
