package retain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/report"
)

// rateRuns is how many fresh executions of a reduced plan measure how often it
// fails.
const rateRuns = 20

// shrink reduces the session's first violation, within the budget of the flag; nil
// if there is none, or nothing could be tried.
func shrink(ctx context.Context, o harness.Options, s *harness.Session, reporter *report.Reporter) *harness.Shrunk {
	failed := violated(s)
	if failed == nil || *shrinkFlag == 0 || ctx.Err() != nil {
		return nil
	}
	until := time.Now().Add(*shrinkFlag)
	fmt.Printf("shrinking  for %s at most; Ctrl-C ends it with what it has come to\n", *shrinkFlag)
	shrunk, err := harness.Shrink(ctx, o, failed, harness.ShrinkOptions{
		Time: *shrinkFlag - *shrinkFlag/4, Runs: rateRuns, RateTime: *shrinkFlag / 4, AskUntil: until,
		GoOn: unfinished(failed.Plan), Progress: report.Progress(os.Stdout),
	})
	if err != nil {
		fmt.Println("shrinking  could not be done, the violation stands as it is:", err)
		return nil
	}
	reporter.Shrunk(*failed, shrunk)
	return shrunk
}

// violated is the session's first violation, nil for none.
func violated(s *harness.Session) *harness.Run {
	i := slices.IndexFunc(s.Failures, func(r harness.Run) bool { return r.Verdict == harness.Violation && r.Outcome != nil })
	if i < 0 {
		return nil
	}
	return &s.Failures[i]
}

// unfinished is the reduction that lies beside the plan of -plan and had come to
// that plan, nil for none.
func unfinished(p generators.Plan) *generators.Reduction {
	if filepath.Base(*planFlag) != harness.ReducedFile {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(*planFlag), harness.ReductionFile))
	if err != nil {
		return nil
	}
	r := &generators.Reduction{}
	if json.Unmarshal(text, r) != nil || r.Ending == generators.Minimal || !bytes.Equal(generators.Encode(r.Best), generators.Encode(p)) {
		return nil
	}
	r.Took = min(r.Took, time.Second) // the budget is for what is left
	return r
}
