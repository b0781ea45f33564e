package suite

import (
	"slices"

	"retain/generators"
)

// Sizes are the numbers of operations, faults and executions of reductions, each sorted.
// A start or a resume is no fault.
func Sizes(all []generators.Reduction) (operations, faults, executions []int) {
	for _, r := range all {
		o, f := 0, 0
		for _, s := range r.Best.Steps {
			fault, is := s.(generators.Inject)
			switch {
			case !is:
				o++
			case !fault.Fault.Undoes():
				f++
			}
		}
		operations, faults, executions = append(operations, o), append(faults, f), append(executions, r.Executions)
	}
	slices.Sort(operations)
	slices.Sort(faults)
	slices.Sort(executions)
	return operations, faults, executions
}

// Median is the median of sorted numbers, the upper one of two.
func Median(sorted []int) int { return sorted[len(sorted)/2] }
