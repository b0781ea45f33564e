package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/ingress"
)

func TestOneKeyIsProbedForEachPartitionInUse(t *testing.T) {
	plan := generators.Plan{
		Load:  generators.Load{Clients: 64, Objects: 64},
		Steps: []generators.Step{harnesstest.Operate(1, 0, counter, model.CounterGet{}), harnesstest.Operate(2, 0, register, model.RegisterRead{})},
	}
	for _, n := range []int{1, 4, 24} {
		r := newRun(&System{Partitions: n, assigns: true}, plan, &recorder{}, "run", quick)
		inUse := map[int]bool{}
		for _, o := range Objects(plan) {
			inUse[ingress.PartitionOf(r.objectKey(o), n)] = true
		}
		probed := map[int]bool{}
		for _, key := range r.keys() {
			probed[ingress.PartitionOf(key, n)] = true
		}
		assert.Equal(t, inUse, probed)
		assert.Len(t, r.keys(), len(inUse))
	}
	for _, sys := range []*System{{}, {Partitions: 4}} {
		r := newRun(sys, plan, &recorder{}, "run", quick)
		assert.Len(t, r.keys(), 2+mostProbed, "which partition a key is in is not known")
		assert.Equal(t, []string{"run-counter-0", "run-register-0"}, r.keys()[:2])
	}
}
