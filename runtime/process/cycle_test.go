package process

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/runtime"
)

// BenchmarkCycle is a server's way down and up again, to the first health.
func BenchmarkCycle(b *testing.B) {
	for _, partitions := range []int{1, 24} {
		for _, fault := range []string{"stop", "kill"} {
			b.Run(fault+"/"+map[int]string{1: "1-partition", 24: "24-partitions"}[partitions], func(b *testing.B) {
				r := newRuntime(b, runtime.Settings{Partitions: partitions})
				ctx := bounded(b, 10*time.Minute)
				require.NoError(b, r.Start(ctx))
				healthy(b, r)
				for b.Loop() {
					if fault == "kill" {
						require.NoError(b, r.Kill(ctx))
					} else {
						exit, err := r.Stop(ctx)
						require.NoError(b, err)
						require.True(b, exit.Graceful(), exit.String())
					}
					require.NoError(b, r.Start(ctx))
					healthy(b, r)
				}
			})
		}
	}
}
