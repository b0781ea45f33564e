package flight_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/service"
	"retain/service/flight"
)

// attempt is one of an operation, as far as it has a reading.
type attempt struct {
	tag     string
	reading service.Reading
	cuts    int
	delay   flight.Valve
}

func (a *attempt) Seen() service.Evidence { return service.Evidence{Tag: a.tag, Reading: a.reading} }
func (a *attempt) Cut()                   { a.cuts++ }
func (a *attempt) Delay() *flight.Valve   { return &a.delay }

func ofRun(tag string) bool { return strings.HasPrefix(tag, "run/") }

func TestStrikeTakesAttemptsInFlightBeforeThoseThatEnter(t *testing.T) {
	var f flight.Flights
	var struck []string
	first, done, other, untagged := &attempt{tag: "run/1", reading: service.Effect}, &attempt{tag: "run/0", reading: service.Finished}, &attempt{tag: "other/1"}, &attempt{}
	for _, a := range []*attempt{done, other, untagged, first} {
		f.Enter(a)
	}
	f.Strike(service.Strike{Matches: ofRun, Attempts: 2, Struck: func(e service.Evidence) { struck = append(struck, e.Tag+" "+string(e.Reading)) }})
	assert.Equal(t, []int{0, 0, 0, 1}, []int{done.cuts, other.cuts, untagged.cuts, first.cuts})
	second, third := &attempt{tag: "run/2"}, &attempt{tag: "run/3"}
	f.Enter(&attempt{tag: "other/2"})
	f.Enter(second)
	f.Enter(third)
	assert.Equal(t, []int{1, 0}, []int{second.cuts, third.cuts}, "so many, no more")
	assert.Equal(t, []string{"run/1 effect", "run/2 "}, struck)
}

func TestStrikeThatIsTakenBackStrikesNobody(t *testing.T) {
	var f flight.Flights
	f.Strike(service.Strike{Matches: ofRun, Attempts: 1})()
	a := &attempt{tag: "run/1"}
	f.Enter(a)
	assert.Zero(t, a.cuts)
}

func TestAttemptsThatLeftAreNotCut(t *testing.T) {
	var f flight.Flights
	gone, there := &attempt{tag: "a"}, &attempt{tag: "b"}
	f.Enter(gone)
	f.Enter(there)
	f.Leave(gone)
	f.CutAll()
	assert.Equal(t, []int{0, 1}, []int{gone.cuts, there.cuts})
}

func TestDelayHoldsAnAttemptForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight.Flights
		a := &attempt{tag: "run/1"}
		f.Enter(a)
		f.Strike(service.Strike{Matches: ofRun, Attempts: 1, Delay: time.Second})
		began := time.Now()
		require.NoError(t, a.delay.Wait(t.Context()))
		assert.Equal(t, time.Second, time.Since(began))
		assert.Zero(t, a.cuts)
	})
}

func TestValveIsOpenOnceNobodyWantsItShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v flight.Valve
		require.NoError(t, v.Wait(t.Context()))
		one, two := v.Shut(), v.Shut()
		passed := make(chan error, 1)
		go func() { passed <- v.Wait(t.Context()) }()
		one()
		one() // once more changes nothing
		synctest.Wait()
		assert.Empty(t, passed)
		two()
		require.NoError(t, <-passed)

		late := v.Shut()
		v.Open()
		require.NoError(t, v.Wait(t.Context()))
		again := v.Shut()
		late() // it was opened for all: this one is not his
		ended, cancel := context.WithCancel(t.Context())
		go func() { passed <- v.Wait(ended) }()
		synctest.Wait()
		assert.Empty(t, passed)
		cancel()
		require.ErrorIs(t, <-passed, context.Canceled)
		again()
	})
}
