package report

import (
	"fmt"
	"strings"
	"time"

	"retain/checker"
	"retain/harness"
	"retain/internal/printable"
	"retain/model"
)

// Recheck says what a check of a stored history showed. file is the history's
// path, budget what the check was given.
func Recheck(h *model.History, r checker.Result, file string, budget time.Duration) (out Rows) {
	says := oneLine(r.Reason)
	if r.Verdict == checker.Pass {
		says = "every answer fits one order of the operations"
		if h.Damage != "" || !h.Ended {
			says += ", as far as the history goes: it was cut off"
		}
	}
	b := r.Broken()
	if b != nil {
		says = titled(b.Guarantee.String(), []string{b.Object.Kind.Service() + " " + b.Object.String()})
	}
	out.add(string(r.Verdict), says)
	if h.Runtime != "" {
		out.add("build", with(printable.Cut(h.Runtime, maxRuntime), h.Altered)...)
	} else if len(h.Altered) > 0 {
		out.add("build", with("", h.Altered)...)
	}
	if b != nil {
		out.prove(tableOf(h, b.Proof, b.Contradiction, remark(h, *b, nil)))
		out.add("came", came(harness.CameAtOf(h, b, nil))...)
		out.add("judged", decided(*b, true))
	}
	out.add("size", fmt.Sprintf("%s on %s, checked in %s", plural(len(h.Operations), "operation"), plural(len(r.Objects), "object"), r.Cost))
	if h.Damage != "" {
		out.add("note", oneLine(h.Damage))
	} else if !h.Ended {
		out.add("note", `the history has no event "end": its session was killed, or is not over, and later operations may be missing`)
	}
	if r.Verdict == checker.Undecided {
		out.add("do", decideIt(file, 10*budget, r.Objects)...)
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
		} else if b.Resolved.By != checker.ByPorcupine && b.Resolved.By != checker.ByAnswer {
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
