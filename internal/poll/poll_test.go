package poll_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/internal/poll"
)

var errNotYet = errors.New("not yet")

// attempts are the times of the attempts since the start, each of which takes a while.
func attempts(ctx context.Context, every, take time.Duration, n int) (at []time.Duration, err error) {
	began := time.Now()
	err = poll.Until(ctx, every, func() error {
		at = append(at, time.Since(began))
		time.Sleep(take)
		if len(at) == n {
			return nil
		}
		return errNotYet
	})
	return at, err
}

func TestUntilKeepsItsRateHoweverLongAttemptsTake(t *testing.T) {
	ms := func(ns ...int) (out []time.Duration) {
		for _, n := range ns {
			out = append(out, time.Duration(n)*time.Millisecond)
		}
		return out
	}
	for take, want := range map[int][]time.Duration{
		0:  ms(0, 10, 20, 30),
		4:  ms(0, 10, 20, 30),
		10: ms(0, 10, 20, 30),
		13: ms(0, 13, 26, 39),
		25: ms(0, 25, 50, 75),
	} {
		synctest.Test(t, func(t *testing.T) {
			at, err := attempts(t.Context(), 10*time.Millisecond, time.Duration(take)*time.Millisecond, 4)
			assert.NoError(t, err)
			assert.Equal(t, want, at, "attempts of %d ms", take)
		})
	}
}

func TestUntilEndsWithItsContextAndReturnsTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := errors.New("too late")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 25*time.Millisecond, late)
		defer cancel()
		at, err := attempts(ctx, 10*time.Millisecond, 0, 100)
		assert.ErrorIs(t, err, late)
		assert.Len(t, at, 3)

		at, err = attempts(ctx, 10*time.Millisecond, 0, 1)
		assert.NoError(t, err)
		assert.Len(t, at, 1, "one attempt is made in any case")
	})
}

func TestUntilEndsAtAnErrorFromStop(t *testing.T) {
	final := errors.New("final")
	n := 0
	err := poll.Until(t.Context(), time.Millisecond, func() error {
		if n++; n == 3 {
			return poll.Stop(final)
		}
		return errNotYet
	})
	assert.Equal(t, final, err)
	assert.Equal(t, 3, n)
}
