package harness

import (
	"cmp"
	"regexp"
	"strings"
)

// FailureMode is how a call fails, without what differs from one attempt to the next. The
// zero value is a call that does not fail.
type FailureMode struct {
	// Code is the server's code of the error: "RT0016".
	Code string `json:"code,omitempty"`
	// Status is the status in brackets before the server's text: "[570 Journal mismatch]".
	Status string `json:"status,omitempty"`
	// Text is the first line of the server's text behind the status, without values.
	Text string `json:"text,omitempty"`
}

var (
	quoted  = regexp.MustCompile(`"[^"]*"|'[^']*'|\x60[^\x60]*\x60`)
	values  = regexp.MustCompile(`[\w-]*[0-9][\w-]*(?:[.:][\w-]+)*|\b[0-9a-f]{8,}\b`)
	bracket = regexp.MustCompile(`^\[[^\]]*\]`)
)

// failureModeOf reads a server's error, which is free text from outside: this is the one
// place that looks into it. Of its first line the status in brackets is kept; what is quoted
// and what contains digits (ids, offsets, durations) is replaced with a star, so that the
// same failure is the same mode in another run.
func failureModeOf(code, text string) FailureMode {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	status := bracket.FindString(line)
	rest := values.ReplaceAllString(quoted.ReplaceAllString(line[len(status):], "*"), "*")
	return FailureMode{Code: code, Status: status, Text: strings.TrimRight(rest, " \t\r")}
}

// Covers reports whether another mode has all that this one names.
func (m FailureMode) Covers(other FailureMode) bool {
	return (m.Code == "" || m.Code == other.Code) && (m.Status == "" || m.Status == other.Status) && (m.Text == "" || m.Text == other.Text)
}

// general is the mode without the words of the text. Of a text that has neither a code nor a
// status, the first word stays.
func (m FailureMode) general() FailureMode {
	if m.Code != "" || m.Status != "" {
		return FailureMode{Code: m.Code, Status: m.Status}
	}
	first, _, _ := strings.Cut(m.Text, " ")
	return FailureMode{Text: first}
}

// String prints, for example, "RT0016 [570 Journal mismatch] index *".
func (m FailureMode) String() string {
	return strings.TrimSpace(m.Code + " " + m.Status + m.Text)
}

func (m FailureMode) compare(n FailureMode) int {
	return cmp.Or(cmp.Compare(m.Code, n.Code), cmp.Compare(m.Status, n.Status), cmp.Compare(m.Text, n.Text))
}

// failure is how the call fails; the zero value if it does not fail, or not any more.
func (c *Caller) failure() FailureMode {
	if c.FailedBefore || c.LastFailure == "" && c.LastFailureCode == "" {
		return FailureMode{}
	}
	return failureModeOf(c.LastFailureCode, c.LastFailure)
}
