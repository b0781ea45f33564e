package generators

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRatesPrintTheirInterval(t *testing.T) {
	for want, r := range map[string]Rate{
		"19 of 20 (95 %: 76 to 99 %)":  {19, 20},
		"20 of 20 (95 %: 84 to 100 %)": {20, 20},
		"0 of 10 (95 %: 0 to 28 %)":    {0, 10},
		"1 of 2 (95 %: 9 to 91 %)":     {1, 2},
		"0 of 0 (95 %: 0 to 100 %)":    {},
	} {
		assert.Equal(t, want, r.String())
	}
}

// TestWilsonIntervalHoldsTheTrueRate: the interval holds the true rate in about 19 of 20 cases.
func TestWilsonIntervalHoldsTheTrueRate(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range []float64{0.02, 0.2, 0.5, 0.9, 0.99} {
		held := 0
		for range 4000 {
			r := Rate{Runs: 20}
			for range r.Runs {
				if rng.Float64() < p {
					r.Failures++
				}
			}
			if low, high := r.Interval(); low <= p && p <= high {
				held++
			}
		}
		assert.Greater(t, held, 4000*90/100, "rate %g", p)
	}
}

func TestRunsNeededFollowFromTheRate(t *testing.T) {
	assert.Equal(t, 3, Rate{20, 20}.RunsNeeded())
	assert.Equal(t, 3, Rate{19, 20}.RunsNeeded())
	assert.Equal(t, 9, Rate{10, 20}.RunsNeeded())
	assert.Zero(t, Rate{0, 20}.RunsNeeded())
	for failures := 1; failures <= 20; failures++ {
		r := Rate{failures, 20}
		low, _ := r.Interval()
		assert.LessOrEqual(t, math.Pow(1-low, float64(r.RunsNeeded())), missed)
	}
}

func TestAttemptsFollowFromTheRate(t *testing.T) {
	assert.Equal(t, 1, attemptsFor(1))
	assert.Equal(t, 5, attemptsFor(0.5))
	assert.Equal(t, 14, attemptsFor(0.2))
	assert.Equal(t, math.MaxInt, attemptsFor(0))
	for p := 0.01; p < 1; p += 0.01 {
		n := attemptsFor(p)
		assert.LessOrEqual(t, math.Pow(1-p, float64(n)), missed+1e-9)
		if n > 1 {
			assert.Greater(t, math.Pow(1-p, float64(n-1)), missed-1e-9, "one less would do")
		}
	}
}

func TestMeasureRepeatsExecutionsThatFail(t *testing.T) {
	n := 0
	r, err := Measure(t.Context(), Plan{}, func(context.Context, Plan) (bool, error) {
		n++
		if n%5 == 0 {
			return true, errors.New("no port is free")
		}
		return n%2 == 0, nil
	}, 20)
	assert.NoError(t, err)
	assert.Equal(t, Rate{Failures: 10, Runs: 20}, r)

	r, err = Measure(t.Context(), Plan{}, func(context.Context, Plan) (bool, error) {
		n++
		return true, map[bool]error{true: errors.New("no port is free")}[n > 30]
	}, 20)
	assert.ErrorContains(t, err, "no port is free")
	assert.Equal(t, r.Runs, r.Failures)
	assert.Less(t, r.Runs, 20)
}

func TestOneInIsTheChanceOfAnOperation(t *testing.T) {
	assert.Equal(t, 902, Rate{Failures: 10, Runs: 20}.OneIn(625))
	assert.Equal(t, 2, Rate{Failures: 10, Runs: 20}.OneIn(1))
	assert.Zero(t, Rate{Failures: 20, Runs: 20}.OneIn(500), "no chance")
	assert.Zero(t, Rate{Runs: 20}.OneIn(500))
	assert.Zero(t, Rate{Failures: 1, Runs: 2}.OneIn(0))
}
