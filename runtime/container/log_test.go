package container

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/runtime"
)

// written is a log of which only the entries that are asked for are handed out.
type written struct {
	entries []logEntry
	asked   int // entries handed out
}

func (w *written) write(n int) {
	for range n {
		i := len(w.entries)
		w.entries = append(w.entries, logEntry{fmt.Sprint(i), fmt.Sprintf("line %d\n", i)})
	}
}

func (w *written) tail(_ string, n int) ([]logEntry, error) {
	first := 0
	if n >= 0 {
		first = max(0, len(w.entries)-n)
	}
	w.asked += len(w.entries) - first
	return w.entries[first:], nil
}

func (w *written) text() string {
	var b strings.Builder
	for _, e := range w.entries {
		b.WriteString(e.text)
	}
	return b.String()
}

func TestLogCopyFollowsTheLog(t *testing.T) {
	var c logCopy
	w := new(written)
	for _, more := range []int{0, 0, 1, 3, tailFirst - 1, 0, tailFirst, tailFirst + 1, 30 * tailFirst, 0, 1} {
		w.write(more)
		log, err := c.read(0, w.tail)
		require.NoError(t, err)
		require.Equal(t, w.text(), string(log))
		end, err := c.read(int64(len(log)), w.tail)
		require.NoError(t, err)
		assert.Empty(t, end)
		if len(log) > 10 {
			part, err := c.read(10, w.tail)
			require.NoError(t, err)
			assert.Equal(t, string(log[10:]), string(part))
		}
		beyond, err := c.read(int64(len(log))+7, w.tail)
		require.NoError(t, err)
		assert.Empty(t, beyond)
	}
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
}

func TestLogCopyReadsOnlyWhatIsNew(t *testing.T) {
	asked := func(length int) int {
		var c logCopy
		defer c.Close()
		w := new(written)
		w.write(length)
		_, err := c.read(0, w.tail)
		require.NoError(t, err)
		w.asked = 0
		w.write(1000)
		_, err = c.read(int64(len(w.text())), w.tail)
		require.NoError(t, err)
		return w.asked
	}
	assert.Equal(t, asked(10_000), asked(200_000))
	assert.Less(t, asked(200_000), 1000*(tailGrowth+2))
}

// Rotation may remove the last entry of the copy: all that is left is new then.
func TestLogCopyKeepsWhatRotationRemoved(t *testing.T) {
	for _, more := range []int{10, 10 * tailFirst} {
		var c logCopy
		w := new(written)
		w.write(2 * tailFirst)
		before, err := c.read(0, w.tail)
		require.NoError(t, err)
		w.write(more)
		w.entries = w.entries[2*tailFirst+5:]
		log, err := c.read(0, w.tail)
		require.NoError(t, err)
		assert.Equal(t, string(before)+w.text(), string(log))
		require.NoError(t, c.Close())
	}
}

// Nothing of a container's log is read before another one takes its place, or some of it.
func TestLogCopyGoesOnWithAnotherContainer(t *testing.T) {
	for _, read := range []bool{false, true} {
		var c logCopy
		logs := map[string]*written{"a": {}, "b": {}, "c": {}}
		reader := func(id string, n int) ([]logEntry, error) { return logs[id].tail(id, n) }
		var want strings.Builder
		for _, id := range []string{"a", "b", "c"} { // they have the same entries, as lines without a time have
			require.NoError(t, c.follow(id, reader))
			if read {
				logs[id].write(3)
				log, err := c.read(0, reader)
				require.NoError(t, err)
				assert.Equal(t, want.String()+logs[id].text(), string(log))
			}
			logs[id].write(2 * tailFirst)
			want.WriteString(logs[id].text())
		}
		log, err := c.read(0, reader)
		require.NoError(t, err)
		assert.Equal(t, want.String(), string(log))
		rest, err := c.read(int64(len(log))-5, reader)
		require.NoError(t, err)
		assert.Equal(t, string(log[len(log)-5:]), string(rest))
		require.NoError(t, c.Close())
	}
}

// A log that can't be read is not given up: the copy stays at the container that has it.
func TestLogCopyStaysAtAContainerWhoseLogItCannotRead(t *testing.T) {
	var c logCopy
	w := new(written)
	w.write(3)
	require.NoError(t, c.follow("a", w.tail))
	unreadable := errors.New("unreadable")
	require.ErrorIs(t, c.follow("b", func(string, int) ([]logEntry, error) { return nil, unreadable }), unreadable)
	log, err := c.read(0, func(id string, n int) ([]logEntry, error) {
		assert.Equal(t, "a", id)
		return w.tail(id, n)
	})
	require.NoError(t, err)
	assert.Equal(t, w.text(), string(log))
	require.NoError(t, c.Close())
}

// plainLog is a container's log as Docker prints it.
func plainLog(t testing.TB, r *Runtime) string {
	log, err := r.docker.ContainerLogs(bounded(t, time.Minute), r.container.GetContainerID(), client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	require.NoError(t, err)
	defer log.Close()
	var all bytes.Buffer
	_, err = stdcopy.StdCopy(&all, &all, log)
	require.NoError(t, err)
	return all.String()
}

// A line above 16 KiB is several entries with one time.
func TestLogsEqualDockersOverAllIncarnations(t *testing.T) {
	docker := connect(t)
	image := imageOf(t, docker, "retain/test-chatty:1", otherProgram(t), `ENTRYPOINT ["/program"]`, "ENV CHATTY=700")
	r := newRuntime(t, runtime.Settings{}, WithImage(image))
	ctx := bounded(t, time.Minute)
	var offset int64
	var parts strings.Builder
	for range 3 {
		require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
		<-r.Exited()
		part, err := r.Logs(offset)
		require.NoError(t, err)
		assert.NotEmpty(t, part)
		offset += int64(len(part))
		parts.Write(part)
	}
	plain := plainLog(t, r)
	assert.Equal(t, plain, parts.String())
	assert.Equal(t, 3, strings.Count(plain, "\nlong "))
	whole, err := r.Logs(0)
	require.NoError(t, err)
	assert.Equal(t, plain, string(whole))
	require.NoError(t, r.Close(ctx)) // before its image goes
}

// The log of a container that is removed is in the copy, read before or not.
func TestLogsGoOnOverContainers(t *testing.T) {
	selftest.Long(t, "10 s")
	docker := connect(t)
	image := imageOf(t, docker, "retain/test-chatty:2", otherProgram(t), `ENTRYPOINT ["/program"]`, "ENV CHATTY=700")
	r := newRuntime(t, runtime.Settings{}, WithImage(image))
	ctx := bounded(t, time.Minute)
	var removed, plain string // logs of removed containers, and of the last one
	var parts strings.Builder
	for n, x := range []string{"1", "1", "2", "", "3"} {
		before := r.container.GetContainerID()
		require.NoError(t, r.Start(ctx, runtime.StartOptions{Env: map[string]string{"RESTATE_X": x}}))
		<-r.Exited()
		if r.container.GetContainerID() != before {
			removed += plain
		}
		plain = plainLog(t, r)
		if n%2 == 0 {
			part, err := r.Logs(int64(parts.Len()))
			require.NoError(t, err)
			parts.Write(part)
		}
	}
	assert.Equal(t, 5, strings.Count(removed+plain, "\nlong "))
	assert.Equal(t, removed+plain, parts.String())
	whole, err := r.Logs(0)
	require.NoError(t, err)
	assert.Equal(t, removed+plain, string(whole))
	require.NoError(t, r.Close(ctx)) // before its image goes
}

// BenchmarkLogs reads what is new of logs of several lengths: nothing.
func BenchmarkLogs(b *testing.B) {
	docker := connect(b)
	for _, lines := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("%d-lines", lines), func(b *testing.B) {
			image := imageOf(b, docker, fmt.Sprintf("retain/test-chatty:%d", lines), otherProgram(b), `ENTRYPOINT ["/program"]`, fmt.Sprintf("ENV CHATTY=%d", lines))
			r := newRuntime(b, runtime.Settings{}, WithImage(image))
			ctx := bounded(b, 5*time.Minute)
			require.NoError(b, r.Start(ctx, runtime.StartOptions{}))
			<-r.Exited()
			log, err := r.Logs(0)
			require.NoError(b, err)
			b.ReportMetric(float64(len(log))/1e6, "MB")
			for b.Loop() {
				latest, err := r.Logs(int64(len(log)))
				require.NoError(b, err)
				require.Empty(b, latest)
			}
			b.StopTimer()
			began := time.Now()
			plainLog(b, r)
			b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-whole-log")
			require.NoError(b, r.Close(ctx)) // before its image goes
		})
	}
}
