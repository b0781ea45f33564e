package regress

import (
	"fmt"

	"retain/generators"
	"retain/internal/inputfile"
)

// maxPlan bounds a plan file. One of a million steps has 60 MB.
const maxPlan = 64 << 20

// LoadPlan reads the plan of a file: a plan, or a stored case, which it returns too.
func LoadPlan(path string) (generators.Plan, *Case, error) {
	text, err := inputfile.Read(path, maxPlan)
	if err != nil {
		return generators.Plan{}, nil, fmt.Errorf("%w: name a plan.json, or a stored case", err)
	}
	plan, err := generators.Decode(text)
	if err == nil {
		return plan, nil, nil
	}
	if kept, plan, caseErr := LoadCase(path); caseErr == nil {
		return plan, kept, nil
	}
	return generators.Plan{}, nil, fmt.Errorf("%s: %w", path, err)
}
