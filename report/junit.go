package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"os"
	"strconv"
	"strings"

	"retain/harness"
	"retain/harness/session"
	"retain/internal/printable"
)

// JUnit collects sessions for a file in JUnit's XML, as CI servers read it: a
// suite for each session, a case for each plan, and one for the session as a
// whole, which fails where no single plan did. The zero value is ready.
//
// Violations, undecided plans and vacuous sessions are failures, told apart by their
// type. Harness errors and interruptions are errors. A violation that was expected, or
// that -promote kept, is skipped.
type JUnit struct {
	suites []junitSuite
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out,omitempty"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure,omitempty"`
	Error   *junitProblem `xml:"error,omitempty"`
	Skipped *junitSkipped `xml:"skipped,omitempty"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// Add takes in a session that has ended, as its reporter saw it.
func (j *JUnit) Add(p *Reporter, s *session.Result) {
	said := p.session(s)
	suite := junitSuite{
		Name: p.Name, Time: fmt.Sprintf("%.3f", s.Took.Seconds()), Out: printable.Lines(said.String()),
		Properties: []junitProperty{
			{"session", s.ID}, {"verdict", string(s.Verdict)}, {"server", printable.Line(s.Identity.String())},
			{"seed", strconv.FormatUint(p.Seed, 10)}, {"sdk", printable.Line(cmp.Or(s.SDK, p.SDK))},
		},
	}
	suite.Properties = append(suite.Properties, coverageProperties(s)...)
	suite.Properties = append(suite.Properties, settingsProperties(p.Altered)...)
	for _, r := range p.runs {
		c := junitCase{Class: p.Name, Name: fmt.Sprintf("plan %d", r.number), Time: fmt.Sprintf("%.3f", r.took.Seconds())}
		if r.number < 0 {
			c.Name = "no plan's"
		}
		if r.ledger {
			c.Name += ", ledger"
		}
		if r.verdict == harness.Violation && p.Expected != "" {
			suite.Tests++
			suite.Skipped++
			c.Skipped = &junitSkipped{printable.Line(p.Expected)}
			suite.Cases = append(suite.Cases, c)
			continue
		}
		if r.verdict == harness.Known {
			suite.Tests++
			suite.Skipped++
			c.Skipped = &junitSkipped{printable.Line("known: " + strings.Join(r.known, "; "))}
			suite.Cases = append(suite.Cases, c)
			continue
		}
		suite.add(c, r.verdict, r.said)
	}
	whole := junitCase{Class: p.Name, Name: "session", Time: suite.Time}
	if s.Verdict == harness.Vacuous || s.Verdict == harness.Interrupted {
		suite.add(whole, s.Verdict, said)
	} else {
		suite.add(whole, harness.Pass, nil) // its plans say what failed
	}
	j.suites = append(j.suites, suite)
}

// add takes in a case, with its problem if it has one.
func (s *junitSuite) add(c junitCase, v harness.Verdict, said Rows) {
	s.Tests++
	if v != harness.Pass {
		_, says := said.verdict()
		problem := &junitProblem{Message: printable.Line(string(v) + ": " + says), Type: string(v), Text: printable.Lines(said.String())}
		if v == harness.Harness || v == harness.Interrupted {
			s.Errors++
			c.Error = problem
		} else {
			s.Failures++
			c.Failure = problem
		}
	}
	s.Cases = append(s.Cases, c)
}

// Write makes the file.
func (j *JUnit) Write(path string) error {
	body, err := xml.MarshalIndent(junitSuites{Suites: j.suites}, "", "  ")
	if err != nil {
		return fmt.Errorf("make the JUnit report: %w", err)
	}
	if err := os.WriteFile(path, append([]byte(xml.Header), append(body, '\n')...), 0o644); err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	return nil
}
