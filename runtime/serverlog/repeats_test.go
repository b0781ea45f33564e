package serverlog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writeAheadLogNeeded is what 1.6.2 logs without its write-ahead log, many times a second.
func writeAheadLogNeeded(n int) string {
	return fmt.Sprintf("2026-11-29T15:11:%02d.%06dZ ERROR restate_log_server::rocksdb_logstore::writer: Failed to commit write batch to rocksdb log-store: "+
		"Invalid argument: Sync writes has to enable WAL.\n", 17+n/10, n)
}

func TestRepeatedErrorIsFoundWhileItGoesOn(t *testing.T) {
	var r Repeats
	at := time.Now()
	for n := range 40 {
		r.add([]byte(writeAheadLogNeeded(n)), at.Add(time.Duration(n)*100*time.Millisecond))
	}
	now := at.Add(4 * time.Second)
	worst := r.Worst(now, 10, 3*time.Second)
	require.NotNil(t, worst)
	assert.Equal(t, 40, worst.Times)
	assert.Contains(t, worst.Line, "Sync writes has to enable WAL")
	assert.Nil(t, r.Worst(now, 41, 3*time.Second), "too few")
	assert.Nil(t, r.Worst(now, 10, 4*time.Second), "for too short a time")
	assert.Nil(t, r.Worst(now.Add(4*time.Second), 10, 3*time.Second), "it is over")
}

// A healthy start logs an error or two, and warnings as it waits.
func TestStartWithoutRepeatedErrorsIsNotGivenUp(t *testing.T) {
	var r Repeats
	at := time.Now()
	for n := range 100 {
		now := at.Add(time.Duration(n) * 100 * time.Millisecond)
		r.add([]byte("2026-11-29T15:12:15.685443Z  WARN restate_bifrost: Append wave failed, retrying\n"), now)
		r.add([]byte("2026-11-29T15:12:15.685443Z ERROR restate_invoker_impl: handler failed: error\n"), now)
		if n%50 == 0 {
			r.add([]byte("2026-11-29T15:11:14.792406Z ERROR octocrab: failed with error client error (Connect)\n"), now)
		}
	}
	assert.Nil(t, r.Worst(at.Add(10*time.Second), 10, 3*time.Second))
}

func TestPanicNeedsNoRepetition(t *testing.T) {
	var r Repeats
	at := time.Now()
	r.add([]byte("thread 'main' panicked at crates/x.rs:1:1:\nno such key\n"), at)
	assert.Nil(t, r.Worst(at.Add(time.Second), 10, 3*time.Second), "it may come up all the same")
	worst := r.Worst(at.Add(4*time.Second), 10, 3*time.Second)
	require.NotNil(t, worst)
	assert.True(t, worst.Panic)
}

func TestLastWordsAreTheLastError(t *testing.T) {
	log := writeAheadLogNeeded(1) + "2026-11-29T15:12:15.685443Z  INFO restate_server: Shutdown\n"
	assert.Contains(t, LastWords([]byte(log)), "Sync writes")
	assert.Equal(t, "no such file", LastWords([]byte(log+"no such file\n")))
	assert.Equal(t, "INFO x: y", LastWords([]byte("2026-11-29T15:12:15.685443Z  INFO x: y\n")))
	assert.Empty(t, LastWords(nil))
	assert.LessOrEqual(t, len(LastWords([]byte(strings.Repeat("x", 4*maxLine)))), maxLine+4)
}
