package harness

import (
	"context"

	"retain/model"
	"retain/runtime/ingress"
	"retain/runtime/introspect"
)

// mostProbed bounds the objects of a load that are probed where it is not known which
// partitions they are in.
const mostProbed = 24

// keys are the runtime's keys of the plan's objects that are probed: one for each
// partition in use. Where it is not known which partition a key is in, it is each of the
// program's, and some of the load's.
func (r *run) keys() []string {
	objects := Objects(r.plan)
	if n := r.sys.Partitions; n > 0 && r.sys.assigns {
		return r.eachPartition(objects, n)
	}
	program := len(r.plan.Objects())
	var keys []string
	for _, o := range objects[:min(len(objects), program+mostProbed)] {
		keys = append(keys, r.objectKey(o))
	}
	return keys
}

// eachPartition are keys of objects, one for each of the partitions that the objects are
// in.
func (r *run) eachPartition(objects []model.Object, partitions int) (keys []string) {
	used := make([]bool, partitions)
	for _, o := range objects {
		key := r.objectKey(o)
		if p := ingress.PartitionOf(key, partitions); !used[p] {
			used[p] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// learnPartitions finds out, once for a server, whether it assigns keys to partitions as
// it is known to: one probe has to go through for that.
func (r *run) learnPartitions(ctx context.Context) error {
	if r.sys.Partitions == 0 || r.sys.asked {
		return nil
	}
	ep := r.sys.Runtime.Endpoints()
	if _, err := r.awaitReady(ctx, ingress.Milestones{}, func() []string { return []string{r.idempotencyKey("partitions")} }); err != nil {
		return err
	}
	probed, _ := r.sys.Prober().Target("")
	err := introspect.CheckPartitionKeys(ctx, ep, probed)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.sys.asked, r.sys.assigns = true, err == nil; err != nil {
		r.rec.note("which partition a key is in is not known, so that many are probed: %v", err)
	}
	return nil
}
