package cli

import (
	"fmt"

	"retain/generators"
	"retain/harness/backend"
	"retain/harness/regress"
)

// Replay executes the plan of -plan, and keeps it with -promote.
func Replay(t T) {
	if *planFlag == "" {
		skipped(t, "give -plan FILE to execute a stored plan")
	}
	plan, _, err := regress.LoadPlan(*planFlag)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-plan: %w", err))
	}
	if len(plan.Steps) == 0 && plan.Load.Clients == 0 {
		cannotBegin(t, fmt.Errorf("-plan %s: the plan has no steps and no load: there is nothing to execute", *planFlag))
	}
	if err := checkVersions(plan, backend.Name(*runtimeFlag)); err != nil {
		cannotBegin(t, fmt.Errorf("-plan %s: %w", *planFlag, err))
	}
	noteExcluded(withServer(plan))
	n := max(1, plans())
	if *promoteFlag != "" && plans() == 0 {
		n = rateRuns // a plan that fails now and then should get the chance
	}
	replayed := execute(t, program{seed: plan.Seed, plans: n, draw: func(int) generators.Plan { return withServer(plan) }, fresh: true, versions: plan.Versions()})
	if *promoteFlag != "" {
		replayed.promote(t, withServer(plan))
	}
	replayed.end(t)
}
