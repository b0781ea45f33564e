package report

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"retain/harness/triage"
	"retain/internal/inputfile"
	"retain/internal/printable"
)

// The files of a certificate, in the directory of its upgrade. The page has the name of all
// pages.
const (
	CertificateFile         = "certificate.json"
	CertificateMarkdownFile = "certificate.md"
)

//go:embed certificate.html
var certificateText string

var certificateTemplate = parsed("certificate", certificateText)

// Page writes the page: one file that needs nothing else to be looked at.
func (c *Certificate) Page(w io.Writer) error {
	if err := execute(w, certificateTemplate, c.view()); err != nil {
		return fmt.Errorf("make the page of the certificate: %w", err)
	}
	return nil
}

// Markdown is the certificate as a page in Markdown.
func (c *Certificate) Markdown() string {
	v := c.view()
	var b strings.Builder
	fmt.Fprintf(&b, "# retain: %s\n\n", escapeMarkdown(v.Title))
	for _, line := range v.Answer {
		fmt.Fprintf(&b, "**%s**\n\n", escapeMarkdown(line))
	}
	for _, line := range v.Because {
		fmt.Fprintf(&b, "- because: %s\n", escapeMarkdown(line))
	}
	for _, s := range v.Sections {
		fmt.Fprintf(&b, "\n## %s\n\n", escapeMarkdown(s.Title))
		s.markdown(&b)
	}
	return printable.Lines(b.String())
}

func (s certificateSection) markdown(b *strings.Builder) {
	if len(s.Facts) > 0 {
		b.WriteString("| | |\n|---|---|\n")
	}
	for _, f := range s.Facts {
		var lines []string
		for _, line := range f.Lines {
			if f.Command {
				line = "`" + strings.ReplaceAll(line, "|", `\|`) + "`"
			} else {
				line = escapeMarkdown(line)
			}
			lines = append(lines, line)
		}
		for _, link := range f.Links {
			lines = append(lines, "<"+link+">")
		}
		fmt.Fprintf(b, "| %s | %s |\n", escapeMarkdown(f.Label), strings.Join(lines, "<br>"))
	}
	if s.Table != nil {
		if len(s.Facts) > 0 {
			b.WriteString("\n")
		}
		s.Table.markdown(b)
	}
	for _, r := range s.Remarks {
		fmt.Fprintf(b, "\n%s\n", escapeMarkdown(r))
	}
}

// PairsMarkdown is the table of the neighbouring steps, in Markdown.
func (c *Certificate) PairsMarkdown() string {
	var b strings.Builder
	c.pairs().Table.markdown(&b)
	return b.String()
}

// ReadCertificate reads the JSON form.
func ReadCertificate(path string) (*Certificate, error) {
	text, err := inputfile.Read(path, triage.MaxFile)
	if err != nil {
		return nil, err
	}
	c := &Certificate{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", path, err)
	}
	if c.Version != CertificateVersion {
		return nil, fmt.Errorf("read the certificate %s: its format has version %d, want %d", path, c.Version, CertificateVersion)
	}
	return c, nil
}

func (s *sheet) markdown(b *strings.Builder) {
	line := func(cells []string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }
	var head, rule []string
	for _, c := range s.Columns {
		head = append(head, escapeMarkdown(c.Name))
		rule = append(rule, map[bool]string{true: "---:", false: "---"}[c.Number])
	}
	line(head)
	line(rule)
	for _, row := range s.Rows {
		var cells []string
		for _, c := range row {
			text := escapeMarkdown(c.Text)
			if c.Link != "" {
				text = "[" + text + "](" + c.Link + ")"
			}
			cells = append(cells, text)
		}
		line(cells)
	}
}

// WriteJSON writes the certificate as one JSON object to a file.
func (c *Certificate) WriteJSON(path string) error {
	body, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("make the JSON of the certificate: %w", err)
	}
	if err := os.WriteFile(path, append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the JSON of the certificate: %w", err)
	}
	return nil
}

// AppendMarkdown appends the certificate in Markdown to a file, which need not exist.
func (c *Certificate) AppendMarkdown(path string) error { return appendMarkdown(path, c.Markdown()) }

// Write writes the certificate in its three forms into a directory.
func (c *Certificate) Write(dir string) error {
	var page strings.Builder
	if err := c.Page(&page); err != nil {
		return err
	}
	write := func(name, text string) error {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the certificate: %w", err)
		}
		return nil
	}
	return errors.Join(write(triage.PageFile, page.String()), write(CertificateMarkdownFile, c.Markdown()), c.WriteJSON(filepath.Join(dir, CertificateFile)))
}

// Rows say the certificate on the terminal. dir is where its files are, "" for nowhere.
func (c *Certificate) Rows(dir string) (out Rows) {
	v := c.view()
	out.add(v.Verdict, v.Answer...)
	out.add("because", v.Because...)
	for _, s := range v.Sections {
		switch s.ID {
		case "findings", "unjudged", "pairs", "steps":
			out.add("", s.Table.lines()...)
		}
		if s.ID == "way-back" {
			continue // the page has it
		}
		for _, f := range s.Facts {
			out.add(f.Label, f.Lines...)
		}
	}
	if dir != "" {
		out.add("files", fmt.Sprintf("%s/  %s  %s  %s", dir, triage.PageFile, CertificateMarkdownFile, CertificateFile))
	}
	return out
}

// lines are the table on the terminal.
func (s *sheet) lines() []string {
	var head []string
	for _, c := range s.Columns {
		head = append(head, c.Name)
	}
	rows := [][]string{head}
	for _, row := range s.Rows {
		var cells []string
		for _, c := range row {
			cells = append(cells, printable.Cut(c.Text, maxSheetCell))
		}
		rows = append(rows, cells)
	}
	return columns(rows)
}

// maxSheetCell is how wide a cell of a table is on the terminal, in columns.
const maxSheetCell = 160
