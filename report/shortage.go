package report

import "retain/harness"

// shortage is what the machine ran out of while a run failed, with its numbers; nil for
// nothing.
func shortage(r harness.Run) []string {
	if r.Shortage == nil {
		return nil
	}
	return []string{oneLine(r.Shortage.String())}
}
