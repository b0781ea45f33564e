package mitm_test

import (
	"fmt"
	"testing"

	"retain/runtime/mitm"
)

// Objects of runs that are over are forgotten.
func TestOtherKeyAnswersForOneOfTheLatestObjects(t *testing.T) {
	bubble(t, always(mitm.OtherKey), func(t *testing.T, r *rig) {
		for n := range 100 {
			r.want(`{"oldValue":0,"newValue":1}`, fmt.Sprintf("/Counter/old-%d/add", n), "1")
		}
		for n := range 16 {
			r.want(`{"oldValue":0,"newValue":2}`, fmt.Sprintf("/Counter/new-%d/add", n), "2")
		}
		for range 20 {
			r.want("2", "/Counter/none/get", "")
		}
		r.strikes(20, mitm.OtherKey)
	})
}

func TestOtherKeyAnswersAReadForAnotherObject(t *testing.T) {
	bubble(t, always(mitm.OtherKey), func(t *testing.T, r *rig) {
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/a/add", "1")
		r.want("1", "/Counter/a/get", "") // no other one is known
		r.want(`{"oldValue":0,"newValue":2}`, "/Counter/b/add", "2")
		r.want("1", "/Counter/b/get", "", sending{Key: "k"})
		r.want("2", "/Counter/a/get", "")
		r.want(`{"oldValue":2,"newValue":5}`, "/Counter/b/add", "3")
		r.want(`{"oldValue":5,"newValue":5}`, "/Counter/a/add", "0")
		r.want("1", "/Counter/b/get", "", sending{Key: "k"}) // the answer stays
		r.want(`""`, "/Register/r/read", "")                 // of another service
		r.strikes(3, mitm.OtherKey)
	})
}
