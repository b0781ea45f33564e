package mitm_test

import (
	"testing"

	"retain/runtime/mitm"
)

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
