package tampered_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/runtime/tampered"
)

func TestMixedKeys(t *testing.T) {
	bubble(t, always(tampered.MixedKeys), func(t *testing.T, r *rig) {
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{key: "a"})
		r.want(`{"oldValue":1,"newValue":3}`, "/Counter/c/add", "2", sending{key: "b"})
		r.want("", "/Register/r/write", `"x"`, sending{key: "a"})
		r.want(`"x"`, "/Register/r/read", "", sending{key: "b"})
		r.restart()
		for range 2 { // the answer stays
			r.want(`{"oldValue":1,"newValue":3}`, "/Counter/c/add", "4", sending{key: "c"})
			r.want("", "/Register/r/write", `"y"`, sending{key: "c"})
		}
		r.strikes(2, tampered.MixedKeys)
		r.want("3", "/Counter/c/get", "")
		r.want(`"x"`, "/Register/r/readExclusive", "")
		r.want("", "/Register/r/write", `"z"`)
		r.want(`"x"`, "/Register/r/read", "", sending{key: "d"})
		r.strikes(3, tampered.MixedKeys)
		r.restart()
		r.want(`{"oldValue":1,"newValue":3}`, "/Counter/c/add", "4", sending{key: "c"})
		r.got(`{"oldValue":1,"newValue":3}`, r.get("/restate/invocation/Counter/c/add/c/output"))
		r.strikes(3, tampered.MixedKeys)
	})
}

func TestMixedKeysNeedsARestartAndANewKey(t *testing.T) {
	bubble(t, always(tampered.MixedKeys), func(t *testing.T, r *rig) {
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{key: "a"})
		r.want(`{"oldValue":1,"newValue":2}`, "/Counter/c/add", "1", sending{key: "b"})
		r.want("2", "/Counter/c/get", "", sending{key: "a"}) // not answered again below
		r.restart()
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{key: "a"}) // not new
		r.want(`{"oldValue":2,"newValue":3}`, "/Counter/c/add", "1")                    // no key
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/d/add", "1", sending{key: "c"}) // another object
		r.want("", "/Counter/c/reset", "", sending{key: "c"})                           // another handler
		r.want(`{"nonce":"recorded"}`, "/RetainCanary/c/ping", "", sending{key: "c"})
		r.strikes(0, tampered.MixedKeys)
		r.restart()
		r.want(`{"nonce":"recorded"}`, "/RetainCanary/c/ping", "", sending{key: "d"}) // no object
		r.want("0", "/Counter/c/get", "")
		r.strikes(0, tampered.MixedKeys)
	})
}

// TestMixedKeysLeavesFailuresAlone: only the answers of calls that succeeded are
// mixed up.
func TestMixedKeysLeavesFailuresAlone(t *testing.T) {
	bubble(t, always(tampered.MixedKeys), func(t *testing.T, r *rig) {
		for _, key := range []string{"a", "b"} {
			assert.Equal(t, 500, r.call("/Counter/c/addThenFail", "1", sending{key: key}).status)
			r.restart()
		}
		r.want("2", "/Counter/c/get", "")
		r.strikes(0, tampered.MixedKeys)
	})
}

// struck makes 400 calls that could be mixed up, and lists those that were.
func struck(t *testing.T, o tampered.Options) (numbers []int) {
	bubble(t, o, func(t *testing.T, r *rig) {
		r.want("", "/Register/r/write", `"x"`, sending{key: "a"})
		r.restart()
		for n := range 400 {
			before := r.Strikes()[tampered.MixedKeys]
			r.want("", "/Register/r/write", `"y"`, sending{key: "k" + strconv.Itoa(n)})
			if r.Strikes()[tampered.MixedKeys] > before {
				numbers = append(numbers, n)
			}
		}
	})
	return numbers
}

func TestABugStrikesAtItsRateAsItsSeedDecides(t *testing.T) {
	o := tampered.Options{Bugs: []tampered.Bug{tampered.MixedKeys}, Seed: 1}
	first := struck(t, o)
	assert.InDelta(t, 400*tampered.DefaultRate, len(first), 30)
	assert.Equal(t, first, struck(t, o))
	o.Seed = 2
	assert.NotEqual(t, first, struck(t, o))
	o.Rate = 0.6
	assert.InDelta(t, 400*0.6, len(struck(t, o)), 40)
}
