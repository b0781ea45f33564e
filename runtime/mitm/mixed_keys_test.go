package mitm_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/runtime/mitm"
)

func TestMixedKeysAnswersWithAnEarlierAnswer(t *testing.T) {
	bubble(t, always(mitm.MixedKeys), func(t *testing.T, r *rig) {
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{Key: "a"})
		r.want(`{"oldValue":1,"newValue":3}`, "/Counter/c/add", "2", sending{Key: "b"})
		r.want("", "/Register/r/write", `"x"`, sending{Key: "a"})
		r.want(`"x"`, "/Register/r/read", "", sending{Key: "b"})
		r.restart()
		for range 2 { // the answer stays
			r.want(`{"oldValue":1,"newValue":3}`, "/Counter/c/add", "4", sending{Key: "c"})
			r.want("", "/Register/r/write", `"y"`, sending{Key: "c"})
		}
		r.strikes(2, mitm.MixedKeys)
		r.want("3", "/Counter/c/get", "")
		r.want(`"x"`, "/Register/r/readExclusive", "")
		r.want("", "/Register/r/write", `"z"`)
		r.want(`"x"`, "/Register/r/read", "", sending{Key: "d"})
		r.strikes(3, mitm.MixedKeys)
		r.restart()
		r.want(`{"oldValue":1,"newValue":3}`, "/Counter/c/add", "4", sending{Key: "c"})
		r.got(`{"oldValue":1,"newValue":3}`, r.get("/restate/invocation/Counter/c/add/c/output"))
		r.strikes(3, mitm.MixedKeys)
	})
}

func TestMixedKeysNeedsARestartAndANewKey(t *testing.T) {
	bubble(t, always(mitm.MixedKeys), func(t *testing.T, r *rig) {
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{Key: "a"})
		r.want(`{"oldValue":1,"newValue":2}`, "/Counter/c/add", "1", sending{Key: "b"})
		r.want("2", "/Counter/c/get", "", sending{Key: "a"}) // not answered again below
		r.restart()
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{Key: "a"}) // not new
		r.want(`{"oldValue":2,"newValue":3}`, "/Counter/c/add", "1")                    // no key
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/d/add", "1", sending{Key: "c"}) // another object
		r.want("", "/Counter/c/reset", "", sending{Key: "c"})                           // another handler
		r.want(`{"nonce":"recorded"}`, "/RetainCanary/c/ping", "", sending{Key: "c"})
		r.strikes(0, mitm.MixedKeys)
		r.restart()
		r.want(`{"nonce":"recorded"}`, "/RetainCanary/c/ping", "", sending{Key: "d"}) // no object
		r.want("0", "/Counter/c/get", "")
		r.strikes(0, mitm.MixedKeys)
	})
}

// Only answers of calls that succeeded are exchanged.
func TestMixedKeysLeavesFailuresAlone(t *testing.T) {
	bubble(t, always(mitm.MixedKeys), func(t *testing.T, r *rig) {
		for _, key := range []string{"a", "b"} {
			assert.Equal(t, 500, r.call("/Counter/c/addThenFail", "1", sending{Key: key}).Status)
			r.restart()
		}
		r.want("2", "/Counter/c/get", "")
		r.strikes(0, mitm.MixedKeys)
	})
}

// struck makes 400 calls that could be mixed up, and lists those that were.
func struck(t *testing.T, o mitm.Options) (numbers []int) {
	bubble(t, o, func(t *testing.T, r *rig) {
		r.want("", "/Register/r/write", `"x"`, sending{Key: "a"})
		r.restart()
		for n := range 400 {
			before := r.Strikes()[mitm.MixedKeys]
			r.want("", "/Register/r/write", `"y"`, sending{Key: "k" + strconv.Itoa(n)})
			if r.Strikes()[mitm.MixedKeys] > before {
				numbers = append(numbers, n)
			}
		}
	})
	return numbers
}

func TestBugStrikesAtItsRateAndBySeed(t *testing.T) {
	o := mitm.Options{Bugs: []mitm.Bug{mitm.MixedKeys}, Seed: 1}
	first := struck(t, o)
	assert.InDelta(t, 400*mitm.DefaultRate, len(first), 30)
	assert.Equal(t, first, struck(t, o))
	o.Seed = 2
	assert.NotEqual(t, first, struck(t, o))
	o.Rate = 0.6
	assert.InDelta(t, 400*0.6, len(struck(t, o)), 40)
}
