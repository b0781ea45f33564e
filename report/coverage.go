package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/internal/printable"
)

// coveredText says how many of the changes at faults were tested, in which classes and on
// which servers: "118 of 240 changes at faults, 4 of 4 classes, 4 and 24 partitions,
// vqueues in 20 plans".
func coveredText(c harness.Coverage) string {
	tested, of := c.Changes()
	parts := []string{
		fmt.Sprintf("%s of %s changes at faults", thousands(tested), thousands(of)),
		fmt.Sprintf("%d of %d classes", len(c.Classes()), len(c.Excluded.Classes())),
	}
	if numbers := partitions(c); numbers != "" {
		parts = append(parts, numbers)
	}
	if c.VQueues > 0 {
		parts = append(parts, "vqueues in "+plural(c.VQueues, "plan"))
	}
	return strings.Join(parts, ", ")
}

// partitions says on how many partitions plans ran: "1, 4 and 24 partitions"; "" where no
// plan says.
func partitions(c harness.Coverage) string {
	var numbers []string
	for _, n := range slices.Sorted(maps.Keys(c.Partitions)) {
		numbers = append(numbers, fmt.Sprint(n))
	}
	switch last := len(numbers) - 1; {
	case last < 0:
		return ""
	case last == 0:
		return plural(slices.Collect(maps.Keys(c.Partitions))[0], "partition")
	default:
		return printable.List(numbers, "and") + " partitions"
	}
}

// excludedWrites says what a pass rules out beside failing plans: lost writes, and both in
// each class.
func excludedWrites(c harness.Coverage) (out []string) {
	if writes := lostWrites(c.AllWrites()); writes != "" {
		out = append(out, fmt.Sprintf("more than %s (95 %%: none in %s acknowledged writes that were read after a restart)", writes, thousands(c.AllWrites())))
	}
	return append(out, excludedByClass(c)...)
}

// excludedByClass says what no failure among the plans of each class rules out, and no
// loss among the writes that were acknowledged in it.
func excludedByClass(c harness.Coverage) []string {
	var out []string
	for _, class := range c.Classes() {
		of := []string{plural(c.Plans[class], "plan") + ", too few"}
		if share := harness.Excludes(c.Plans[class]); share > 0 {
			of[0] = fmt.Sprintf("%.2g %% of plans", 100*share)
		}
		if writes := lostWrites(c.Writes[class]); writes != "" {
			of = append(of, writes)
		}
		out = append(out, fmt.Sprintf("%s: %s", class, strings.Join(of, ", ")))
	}
	return wrapped(out, " · ")
}

// lostWrites is the rate of lost writes that n acknowledged writes exclude which were
// read after a restart: "1 lost write in 2,100"; "" for too few.
func lostWrites(n int) string {
	if harness.Excludes(n) == 0 {
		return ""
	}
	return "1 lost write in " + thousands(int(1/harness.Excludes(n)))
}

// coverageJSON is [harness.Coverage] in a summary.
type coverageJSON struct {
	Changes    int                        `json:"changes"`
	ChangesOf  int                        `json:"changes_of"`
	Classes    map[generators.Class]class `json:"classes"`
	Partitions map[int]int                `json:"partitions"`
	VQueues    int                        `json:"vqueues"` // plans
	Writes     int                        `json:"writes_read_back"`
	// ExcludesWrites is the share of acknowledged writes that may be lost at most.
	ExcludesWrites float64 `json:"excludes_writes,omitempty"`
}

// class is what was tested in a class of configurations.
type class struct {
	Plans          int     `json:"plans"`
	Changes        int     `json:"changes"`
	ChangesOf      int     `json:"changes_of"`
	Writes         int     `json:"writes_read_back"`
	Excludes       float64 `json:"excludes,omitempty"`
	ExcludesWrites float64 `json:"excludes_writes,omitempty"`
}

// coverageOf is the coverage for a summary. Only a pass excludes anything.
func coverageOf(c harness.Coverage, passed bool) coverageJSON {
	excludes := func(n int) float64 {
		if !passed {
			return 0
		}
		return harness.Excludes(n)
	}
	out := coverageJSON{Classes: map[generators.Class]class{}, Partitions: map[int]int{}, VQueues: c.VQueues, Writes: c.AllWrites(), ExcludesWrites: excludes(c.AllWrites())}
	out.Changes, out.ChangesOf = c.Changes()
	maps.Copy(out.Partitions, c.Partitions)
	for _, of := range c.Excluded.Classes() {
		one := class{Plans: c.Plans[of], Writes: c.Writes[of], Excludes: excludes(c.Plans[of]), ExcludesWrites: excludes(c.Writes[of])}
		one.Changes, one.ChangesOf = c.ChangesIn(of)
		out.Classes[of] = one
	}
	return out
}

// coverageProperties are the coverage of a session in JUnit's form.
func coverageProperties(s *session.Result) []junitProperty {
	c := s.Tally.Coverage
	tested, of := c.Changes()
	out := []junitProperty{
		{"changes at faults", fmt.Sprintf("%d of %d", tested, of)},
		{"classes", fmt.Sprintf("%d of %d", len(c.Classes()), len(c.Excluded.Classes()))},
		{"partitions", partitions(c)},
		{"vqueues", plural(c.VQueues, "plan")},
	}
	if s.Excludes > 0 {
		out = append(out, junitProperty{"excludes", strings.Join(excludes(s), " · ")})
	}
	return out
}
