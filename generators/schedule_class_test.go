package generators

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEachRoundHasEveryClassEquallyOften(t *testing.T) {
	firsts := map[Class]bool{}
	for seed := range uint64(20) {
		n := 0
		for round, run := range []int{firstClassRun, classRun, classRun} {
			times := map[Class]int{}
			for range Classes() {
				began := scheduledClass(seed, n, Options{})
				for range run {
					assert.Equal(t, began, scheduledClass(seed, n, Options{}), "a run has one class")
					times[began]++
					n++
				}
			}
			for _, c := range Classes() {
				assert.Equal(t, run, times[c], "seed %d, round %d, %s", seed, round, c)
			}
		}
		firsts[scheduledClass(seed, 0, Options{})] = true
	}
	assert.Len(t, firsts, len(Classes()), "seeds begin in different classes")
}

func TestScheduleCountsThePlansOfAClass(t *testing.T) {
	for seed := range uint64(3) {
		times := map[Class]int{}
		for n := range 100 {
			_, _, before := classTurn(n, len(Classes()))
			assert.Equal(t, times[scheduledClass(seed, n, Options{})], before, "plan %d", n)
			times[scheduledClass(seed, n, Options{})]++
		}
	}
}
