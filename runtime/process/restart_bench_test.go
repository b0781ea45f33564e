package process

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/runtimetest"
)

// BenchmarkRestart ends a server and starts it again, to the first health.
func BenchmarkRestart(b *testing.B) {
	for _, restart := range runtimetest.Restarts() {
		b.Run(restart.Name, func(b *testing.B) {
			r := newRuntime(b, runtime.Settings{Partitions: restart.Partitions})
			require.NoError(b, restart.Repeat(bounded(b, 10*time.Minute), r, b.Loop))
		})
	}
}
