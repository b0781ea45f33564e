package report

import (
	"fmt"
	"slices"
	"strings"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
)

// matrix is what a campaign tested: a row for each operation, a column for each
// fault and where it met the operation.
type matrix struct {
	Faults  []matrixFault
	Columns []string
	Rows    []matrixRow
	// Tested of All situations were tested, Often is by how many plans the most
	// tested one was; Rarest says which of the tested ones were the least.
	Tested, All, Often int
	Empty              []string
}

type matrixFault struct {
	Name string
	Span int
}

type matrixRow struct {
	Operation string
	Cells     []matrixCell
}

// matrixCell counts the plans that tested a situation. There is none where No is
// true. Class is how often in words that a style sheet knows.
type matrixCell struct {
	Plans           int
	No              bool
	Class, Says, ID string
}

// Text is what stands in the cell.
func (c matrixCell) Text() string {
	if c.No {
		return ""
	}
	return thousands(c.Plans)
}

// times is how many plans tested each situation, and how many of them passed.
func times(c *campaign.Campaign) (plans, passed map[string]int) {
	plans, passed = map[string]int{}, map[string]int{}
	for i := range c.Sittings {
		for _, j := range c.Sittings[i].Plans {
			for _, s := range j.Situations {
				plans[s]++
				if j.Verdict == harness.Pass {
					passed[s]++
				}
			}
		}
	}
	return plans, passed
}

func matrixOf(c *campaign.Campaign) (m matrix) {
	plans, passed := times(c)
	all := generators.Situations()
	there := map[generators.Situation]bool{}
	columns := map[generators.FaultKind][]generators.Moment{}
	var kinds []generators.FaultKind
	for _, s := range all {
		there[s] = true
		if !slices.Contains(kinds, s.Fault) {
			kinds = append(kinds, s.Fault)
		}
		if !slices.Contains(columns[s.Fault], s.Moment) {
			columns[s.Fault] = append(columns[s.Fault], s.Moment)
		}
		m.Often = max(m.Often, plans[s.String()])
		if plans[s.String()] > 0 {
			m.Tested++
		} else {
			m.Empty = append(m.Empty, s.String())
		}
	}
	m.All = len(all)
	for _, k := range kinds {
		slices.SortFunc(columns[k], func(a, b generators.Moment) int {
			return slices.Index(generators.Moments(), a) - slices.Index(generators.Moments(), b)
		})
		m.Faults = append(m.Faults, matrixFault{string(k), len(columns[k])})
		for _, moment := range columns[k] {
			m.Columns = append(m.Columns, hyphens.Replace(string(moment)))
		}
	}
	for _, name := range generators.Names() {
		row := matrixRow{Operation: name}
		for _, k := range kinds {
			for _, moment := range columns[k] {
				s := generators.Situation{Operation: name, Fault: k, Moment: moment}
				row.Cells = append(row.Cells, cellOf(s.String(), there[s], plans[s.String()], passed[s.String()], m.Often))
			}
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

// hyphens lets the long words of narrow columns be divided.
var hyphens = strings.NewReplacer("acknowledged", "acknowl\u00adedged", "recovery", "recov\u00adery", "spanning", "span\u00adning")

func cellOf(name string, there bool, plans, passed, most int) matrixCell {
	switch {
	case !there:
		return matrixCell{No: true, Class: "no", Says: name + ": there is no such thing"}
	case plans == 0:
		return matrixCell{Class: "empty", Says: name + ": never tested"}
	}
	c := matrixCell{Plans: plans, Class: "few", Says: fmt.Sprintf("%s: in %s, of which %s passed", name, plural(plans, "plan"), thousands(passed))}
	switch {
	case 2*plans >= most:
		c.Class = "most"
	case 8*plans >= most:
		c.Class = "many"
	case 32*plans >= most:
		c.Class = "some"
	}
	if passed == plans {
		c.Says += "; " + boundText(passed)
	}
	return c
}

// boundText is the rule of three: none in n runs bounds the rate by 3/n, at 95 %
// (Hanley and Lippman-Hand, JAMA 249(13) 1983).
func boundText(n int) string {
	if n < enoughToBound {
		return fmt.Sprintf("too few to exclude anything: %d", n)
	}
	return fmt.Sprintf("excludes failures in more than %.3g %%", 300/float64(n))
}

// enoughToBound is from where on the rule of three holds well.
const enoughToBound = 20
