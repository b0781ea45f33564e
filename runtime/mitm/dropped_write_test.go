package mitm_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/runtime/mitm"
)

func TestDroppedWriteIsAcknowledgedAndHasNoEffect(t *testing.T) {
	bubble(t, always(mitm.DroppedWrite), func(t *testing.T, r *rig) {
		r.want(`{"oldValue":0,"newValue":2}`, "/Counter/c/add", "2")
		r.want(`{"oldValue":0,"newValue":3}`, "/Counter/c/add", "3")
		r.want("0", "/Counter/c/get", "")
		r.want("", "/ListObject/l/append", `"x"`)
		r.want("[]", "/ListObject/l/get", "")
		r.want(`""`, "/Register/r/compareAndSet", `{"expect":"","value":"x"}`)
		r.want(`""`, "/Register/r/read", "")
		r.strikes(4, mitm.DroppedWrite)
	})
}

// Nobody who re-sends a dropped write under its key, or looks its output up, learns that it
// was lost.
func TestDroppedWriteIsAnsweredTheSameWayAgain(t *testing.T) {
	bubble(t, always(mitm.DroppedWrite), func(t *testing.T, r *rig) {
		for range 2 {
			r.want(`{"oldValue":0,"newValue":2}`, "/Counter/c/add", "2", sending{Key: "k"})
			r.got(`{"oldValue":0,"newValue":2}`, r.get("/restate/invocation/Counter/c/add/k/output"))
		}
		r.restart()
		r.want(`{"oldValue":0,"newValue":2}`, "/Counter/c/add", "2", sending{Key: "k"})
		r.strikes(1, mitm.DroppedWrite)
	})
}

// A blind write may be overwritten unread, a failing addition has no success to invent,
// and a compare-and-set that expects another value writes nothing.
func TestDroppedWriteLeavesOtherCallsAlone(t *testing.T) {
	bubble(t, always(mitm.DroppedWrite), func(t *testing.T, r *rig) {
		r.want("", "/Register/r/write", `"x"`, sending{Key: "k"})
		r.want(`"x"`, "/Register/r/compareAndSet", `{"expect":"y","value":"z"}`, sending{Key: "k"})
		r.want(`"x"`, "/Register/r/readExclusive", "")
		r.want("", "/MapObject/m/set", `{"key":"k","value":"v"}`)
		r.want(`"v"`, "/MapObject/m/get", `"k"`)
		assert.Equal(t, 500, r.call("/Counter/c/addThenFail", "1").Status)
		r.want(`{"oldValue":1,"newValue":1}`, "/Counter/c/add", "0")
		r.strikes(0, mitm.DroppedWrite)
	})
}

func TestBugNeedsCallsInFlight(t *testing.T) {
	crowd := always(mitm.DroppedWrite)
	crowd.InFlight = 2
	bubble(t, crowd, func(t *testing.T, r *rig) {
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1")
		r.want("1", "/Counter/c/get", "")
		g, held := r.held("/Counter/other/add", "1", sending{Tag: "held"})
		r.want(`{"oldValue":1,"newValue":2}`, "/Counter/c/add", "1")
		g.Open()
		r.got(`{"oldValue":0,"newValue":1}`, <-held)
		r.want("1", "/Counter/c/get", "")
		r.want(`{"oldValue":1,"newValue":2}`, "/Counter/c/add", "1")
		r.strikes(1, mitm.DroppedWrite)
	})
}
