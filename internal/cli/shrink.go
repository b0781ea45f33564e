package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/report"
)

// rateRuns is how many executions of a reduced plan measure its failure rate.
const rateRuns = 20

// shrink reduces the session's first violation within -shrink.budget. It returns nil
// without a violation, or if nothing could be tried.
func (j *job) shrink(s *session.Result) *regress.Shrunk {
	failed := violated(s)
	if failed == nil || *shrinkFlag == 0 || j.ctx.Err() != nil {
		return nil
	}
	until := time.Now().Add(*shrinkFlag)
	earlier := earlierReduction(failed.Plan)
	if small := failed.Plan.IsSmallest() || earlier != nil && earlier.Ending == generators.Minimal; small {
		say(fmt.Sprintf("measuring  how often it fails, for %s at most: the plan is reduced already; -shrink.budget 0 does without", *shrinkFlag/4))
		j.progress.Within(*shrinkFlag / 4)
	} else {
		say(fmt.Sprintf("shrinking  for %s at most; Ctrl-C keeps the smallest plan so far", *shrinkFlag))
		j.progress.Within(*shrinkFlag)
	}
	smaller := report.Progress(console)
	shrunk, err := regress.Shrink(j.ctx, j.options, failed, regress.ShrinkOptions{
		Time: *shrinkFlag - *shrinkFlag/4, Runs: rateRuns, RateTime: *shrinkFlag / 4, AskUntil: until, GoOn: earlier,
		Progress: func(r generators.Reduction) {
			j.progress.Reduced(r)
			smaller(r)
		},
		Measured: j.progress.Measured(rateRuns),
		Asking:   func() { j.progress.Phase(session.Asking) },
	})
	if err != nil {
		say("shrinking  could not be done, the violation stands as it is:", err)
		return nil
	}
	j.reporter.Shrunk(*failed, shrunk)
	return shrunk
}

// violated is the session's first violation, nil for none.
func violated(s *session.Result) *harness.Run {
	i := slices.IndexFunc(s.Failures, func(r harness.Run) bool { return r.Verdict == harness.Violation && r.Outcome != nil })
	if i < 0 {
		return nil
	}
	return &s.Failures[i]
}

// earlierReduction is the reduction that is stored beside the plan of -plan and led to
// it, nil for none.
func earlierReduction(p generators.Plan) *generators.Reduction {
	if filepath.Base(*planFlag) != regress.ReducedFile {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(*planFlag), regress.ReductionFile))
	if err != nil {
		return nil
	}
	r := &generators.Reduction{}
	if json.Unmarshal(text, r) != nil || !bytes.Equal(generators.Encode(r.Best), generators.Encode(p)) {
		return nil
	}
	if r.Ending != generators.Minimal {
		r.Took = min(r.Took, time.Second) // the budget is for what is left
	}
	return r
}
