package harness

import (
	"slices"
	"strings"

	"retain/model"
	"retain/runtime/ingress"
)

// This file reads and writes texts that stored files of before 2026-11-30 have in place of
// fields. It never changes, and nothing else uses these texts.

// FillFromText fills the fields that stored findings lack.
func (l *Liveness) FillFromText() {
	if l == nil {
		return
	}
	if len(l.Clauses) == 0 {
		l.Clauses = strings.Split(l.Detail, clauseGap)
	}
	if h := l.Held; h != nil && h.Kind == "" && h.Object != ingress.ProbeService {
		o, _ := model.ParseObject(h.Object)
		h.Kind = o.Kind
		h.Holder.fillFromText()
		for i := range h.Waiting {
			h.Waiting[i].fillFromText()
		}
	}
}

const unknownCall = "an invocation"

func (c *Caller) fillFromText() {
	if c == nil {
		return
	}
	if c.Op != unknownCall && c.Handler == "" {
		c.Handler, _, _ = strings.Cut(c.Op, "(")
	}
	for _, text := range c.Failures {
		code, rest, _ := strings.Cut(text, "[")
		if rest == "" || strings.Contains(strings.TrimSpace(code), " ") { // without a status
			code, rest, _ = strings.Cut(text, " ")
			c.FailureModes = append(c.FailureModes, FailureMode{Code: code, Text: rest})
			continue
		}
		status, rest, _ := strings.Cut(rest, "]")
		c.FailureModes = append(c.FailureModes, FailureMode{Code: strings.TrimSpace(code), Status: "[" + status + "]", Text: rest})
	}
}

// Text is the key of the culprit in regressions of version 1 and 2 ("map clearAll RT0016 [570
// Journal mismatch] index *"), "" without a culprit. Later ones have it for readers.
func (c Culprit) Text() string {
	var ways []string
	for _, way := range c.Ways {
		ways = append(ways, way.String())
	}
	switch slices.Sort(ways); {
	case len(ways) == 0:
		return c.who()
	case c.varies():
		return c.who() + " " + headOf(ways[0]) + " with other words each time"
	default:
		return c.who() + " " + ways[0]
	}
}

// HasText is [Culprit.Has] for a [Culprit.Text].
func (c Culprit) HasText(text string) bool {
	return c.Text() == text || slices.ContainsFunc(c.Ways, func(way FailureMode) bool { return c.who()+" "+way.String() == text })
}

func (c Culprit) who() string {
	kind, handler := string(c.Kind), c.Handler
	switch {
	case c.IsZero():
		return ""
	case c.State == Nobody:
		return "nobody"
	case kind == "":
		kind = ingress.ProbeService
	}
	if handler == "" {
		handler = unknownCall
	}
	return kind + " " + handler
}

// headOf is a way to fail without its words: "RT0016 [570 Journal mismatch]".
func headOf(way string) string {
	if at := strings.Index(way, "]"); at >= 0 {
		return way[:at+1]
	}
	code, _, _ := strings.Cut(way, " ")
	return code
}
