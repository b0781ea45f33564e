package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/model"
)

// matrix is what a campaign tested: a row for each operation, a column for each
// fault and where it met the operation; all classes of configurations together, and each
// for itself.
type matrix struct {
	Faults  []matrixFault
	Columns []template.HTML
	Rows    []matrixRow
	Classes []classMatrix
	// Tested of All situations were tested.
	Tested, All int
	Empty       []string
}

// classMatrix has the rows of one class.
type classMatrix struct {
	Class       generators.Class
	ID          string
	Rows        []matrixRow
	Tested, All int
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

// square is a place in the matrix: a situation in whatever class.
type square struct {
	operation string
	fault     model.FaultKind
	moment    generators.Moment
}

func squareOf(s generators.Situation) square { return square{s.Operation, s.Fault, s.Moment} }

// testedSquares counts the plans that tested each square in one of the classes, and those
// of them that passed.
func testedSquares(c *campaign.Campaign, classes ...generators.Class) (plans, passed map[square]int) {
	plans, passed = map[square]int{}, map[square]int{}
	for i := range c.Segments {
		for _, j := range c.Segments[i].Plans {
			seen := map[square]bool{}
			for _, text := range j.Situations {
				var s generators.Situation
				if s.UnmarshalText([]byte(text)) == nil && slices.Contains(classes, s.Class) {
					seen[squareOf(s)] = true
				}
			}
			for at := range seen {
				plans[at]++
				if j.Verdict == harness.Pass {
					passed[at]++
				}
			}
		}
	}
	return plans, passed
}

func matrixOf(c *campaign.Campaign) (m matrix) {
	columns := m.addColumns()
	tested, exclude := c.Totals().Coverage.Situations, c.Excluded()
	classes := exclude.Classes()
	m.Rows = matrixRows(c, columns, classes...)
	for i, class := range classes {
		of := classMatrix{Class: class, ID: fmt.Sprintf("matrix-%d", i), Rows: matrixRows(c, columns, class)}
		for _, s := range exclude.Situations() {
			switch {
			case s.Class != class:
				continue
			case tested[s] > 0:
				of.Tested++
			default:
				m.Empty = append(m.Empty, s.String())
			}
			of.All++
		}
		m.Tested, m.All = m.Tested+of.Tested, m.All+of.All
		m.Classes = append(m.Classes, of)
	}
	return m
}

// addColumns adds the faults and the moments of each, and returns them as squares without
// an operation.
func (m *matrix) addColumns() (columns []square) {
	for _, s := range generators.Situations() {
		column := square{"", s.Fault, s.Moment}
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
	}
	slices.SortStableFunc(columns, func(a, b square) int {
		order := func(c square) (int, int) {
			return slices.Index(generators.Faults(), c.fault), slices.Index(generators.Moments(), c.moment)
		}
		faultA, momentA := order(a)
		faultB, momentB := order(b)
		return cmp.Or(faultA-faultB, momentA-momentB)
	})
	for _, c := range columns {
		if n := len(m.Faults); n == 0 || m.Faults[n-1].Name != string(c.fault) {
			m.Faults = append(m.Faults, matrixFault{string(c.fault), 0})
		}
		m.Faults[len(m.Faults)-1].Span++
		m.Columns = append(m.Columns, template.HTML(hyphens.Replace(string(c.moment))))
	}
	return columns
}

// matrixRows are the rows of some classes together.
func matrixRows(c *campaign.Campaign, columns []square, classes ...generators.Class) (rows []matrixRow) {
	there := map[square]bool{}
	for _, s := range c.Excluded().Situations() {
		there[squareOf(s)] = true
	}
	plans, passed := testedSquares(c, classes...)
	most := 0
	for _, n := range plans {
		most = max(most, n)
	}
	for _, name := range generators.Names() {
		row := matrixRow{Operation: name}
		for _, column := range columns {
			at := square{name, column.fault, column.moment}
			says := strings.Join([]string{name, string(at.fault), string(at.moment)}, " · ")
			row.Cells = append(row.Cells, cellOf(says, there[at], plans[at], passed[at], most))
		}
		rows = append(rows, row)
	}
	return rows
}

// hyphens lets the long words of narrow columns be divided.
var hyphens = strings.NewReplacer("acknowledged", "acknowl&shy;edged", "recovery", "recov&shy;ery", "spanning", "span&shy;ning")

func cellOf(name string, there bool, plans, passed, most int) matrixCell {
	switch {
	case !there:
		return matrixCell{No: true, Class: "no", Says: name + ": there is no such thing, or it is excluded"}
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

// boundText says what n runs without a failure exclude.
func boundText(n int) string {
	share := harness.Excludes(n)
	if share == 0 {
		return fmt.Sprintf("too few to exclude anything: %d", n)
	}
	return fmt.Sprintf("excludes failures in more than %.3g %%", 100*share)
}
