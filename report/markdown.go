package report

import (
	"fmt"
	"os"
	"strings"

	"retain/harness"
	"retain/harness/session"
)

// StepSummary is the environment variable with which GitHub's runner names the
// file that takes a step's summary, in Markdown.
const StepSummary = "GITHUB_STEP_SUMMARY"

// maxTold bounds the runs that a step's summary tells one by one.
const maxTold = 3

// Markdown is the session for a page in Markdown: what its runs found, worst
// first, or what it tested.
func (p *Reporter) Markdown(s *session.Result) string {
	var b strings.Builder
	whole := p.session(s)
	told := 0
	for _, v := range []harness.Verdict{harness.Violation, harness.Harness} {
		for _, r := range p.runs {
			if r.verdict != v {
				continue
			}
			if told++; told <= maxTold {
				r.said.markdown(&b)
			}
		}
	}
	if told > maxTold {
		fmt.Fprintf(&b, "... and %d more\n\n", told-maxTold)
	}
	if told == 0 {
		whole.markdown(&b)
	}
	return b.String()
}

// markdown writes the rows as a heading, a table, and what is a table already as
// code.
func (r Rows) markdown(b *strings.Builder) {
	word, says := r.verdict()
	fmt.Fprintf(b, "### retain: %s · %s\n\n", word, escapeMarkdown(says))
	open := false
	for _, row := range r[1:] {
		if row.Label == "" {
			open = false
			fmt.Fprintf(b, "\n```\n%s\n```\n\n", strings.Join(row.Lines, "\n"))
			continue
		}
		if !open {
			b.WriteString("| | |\n|---|---|\n")
			open = true
		}
		var lines []string
		for _, line := range row.Lines {
			lines = append(lines, escapeMarkdown(line))
		}
		fmt.Fprintf(b, "| %s | %s |\n", row.Label, strings.Join(lines, "<br>"))
	}
	b.WriteString("\n")
}

// escapeMarkdown takes the meaning from characters that have one in Markdown or
// in HTML.
func escapeMarkdown(s string) string {
	return markdownEscapes.Replace(s)
}

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "~", `\~`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "#", `\#`,
)

// AppendMarkdown appends the session in Markdown to a file, which need not exist.
func (p *Reporter) AppendMarkdown(path string, s *session.Result) error {
	return appendMarkdown(path, p.Markdown(s))
}

// AppendMarkdown appends the rows in Markdown to a file, which need not exist.
func (r Rows) AppendMarkdown(path string) error {
	var b strings.Builder
	r.markdown(&b)
	return appendMarkdown(path, b.String())
}

func appendMarkdown(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("append to the step's summary: %w", err)
	}
	_, err = file.WriteString(text)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("append to the step's summary: %w", err)
	}
	return nil
}
