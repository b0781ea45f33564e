package mitm_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/mitm"
	"retain/service"
)

// overlapping makes the second call while the first one, which had its effect,
// is held, and returns both answers.
func (r *rig) overlapping(first, second [2]string) (a, b response) {
	r.t.Helper()
	g, one := r.held(first[0], first[1], sending{Tag: "first"})
	two := r.background(second[0], second[1], sending{Tag: "second", Key: "two"})
	synctest.Wait()
	g.Open()
	return <-one, <-two
}

func TestLostUpdateDropsOneOfTwoOverlappingWrites(t *testing.T) {
	for _, c := range []struct {
		name, first, second string // bodies
		path, read          string
		one, two, left      string
	}{
		{"add", "1", "10", "/Counter/c/add", "/Counter/c/get", `{"oldValue":5,"newValue":6}`, `{"oldValue":5,"newValue":15}`, "6"},
		{"append", `"a"`, `"b"`, "/ListObject/c/append", "/ListObject/c/get", "", "", `["x","a"]`},
		{
			"compare-and-set", `{"expect":"x","value":"a"}`, `{"expect":"x","value":"b"}`,
			"/Register/c/compareAndSet", "/Register/c/read", `"x"`, `"x"`, `"a"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, always(mitm.LostUpdate), func(t *testing.T, r *rig) {
				r.call("/Counter/c/add", "5")
				r.call("/ListObject/c/append", `"x"`)
				r.call("/Register/c/write", `"x"`)
				one, two := r.overlapping([2]string{c.path, c.first}, [2]string{c.path, c.second})
				r.got(c.one, one)
				r.got(c.two, two)
				r.want(c.left, c.read, "")
				r.strikes(1, mitm.LostUpdate)

				// The answer stays, sent again or looked up, through a restart too.
				r.want(c.two, c.path, c.second, sending{Key: "two"})
				r.restart()
				r.want(c.two, c.path, c.second, sending{Key: "two"})
				r.want(c.left, c.read, "")
				if c.path == "/Counter/c/add" {
					r.got(c.two, r.get("/restate/invocation/Counter/c/add/two/output"))
				}
				r.strikes(1, mitm.LostUpdate)
			})
		})
	}
}

// A gate armed for the lost call holds it.
func TestLostUpdateEntersTheHandler(t *testing.T) {
	bubble(t, always(mitm.LostUpdate), func(t *testing.T, r *rig) {
		first, one := r.held("/Counter/c/add", "1", sending{Tag: "first"})
		second := r.server.Arm("second", service.Before)
		two := r.background("/Counter/c/add", "2", sending{Tag: "second"})
		synctest.Wait()
		assert.Empty(t, two)
		first.Open()
		<-second.Held()
		r.got(`{"oldValue":0,"newValue":1}`, <-one)
		assert.Empty(t, two)
		second.Open()
		r.got(`{"oldValue":0,"newValue":2}`, <-two)
	})
}

func TestLostUpdateCutByAKillIsExecutedOnResend(t *testing.T) {
	bubble(t, always(mitm.LostUpdate), func(t *testing.T, r *rig) {
		first, one := r.held("/Counter/c/add", "1", sending{Tag: "first"})
		second := r.server.Arm("second", service.After)
		two := r.background("/Counter/c/add", "2", sending{Tag: "second", Key: "k"})
		synctest.Wait()
		first.Open()
		r.got(`{"oldValue":0,"newValue":1}`, <-one)
		<-second.Held()
		r.restart()
		assert.Error(t, (<-two).Err)
		r.want(`{"oldValue":1,"newValue":3}`, "/Counter/c/add", "2", sending{Key: "k"})
		r.strikes(0, mitm.LostUpdate)
	})
}

func TestLostUpdateNeedsTwoOverlappingWrites(t *testing.T) {
	add, addOther := [2]string{"/Counter/c/add", "1"}, [2]string{"/Counter/d/add", "1"}
	for _, c := range []struct {
		name          string
		first, second [2]string
	}{
		{"of one object", add, addOther},
		{"of one handler", add, [2]string{"/Counter/c/reset", ""}},
		{"that read, first", [2]string{"/Counter/c/reset", ""}, [2]string{"/Counter/c/reset", ""}},
		{"that write, first", [2]string{"/Counter/c/add", "0"}, add},
		{"that write, second", add, [2]string{"/Counter/c/add", "0"}},
		{"that read", [2]string{"/Register/c/write", `"a"`}, [2]string{"/Register/c/write", `"b"`}},
		{
			"that find the state they expect", [2]string{"/Register/c/compareAndSet", `{"expect":"","value":"a"}`},
			[2]string{"/Register/c/compareAndSet", `{"expect":"b","value":"c"}`},
		},
		{
			"that find it, not only the second", [2]string{"/Register/c/compareAndSet", `{"expect":"b","value":"a"}`},
			[2]string{"/Register/c/compareAndSet", `{"expect":"","value":"c"}`},
		},
		{
			"that find it, both", [2]string{"/Register/c/compareAndSet", `{"expect":"b","value":"a"}`},
			[2]string{"/Register/c/compareAndSet", `{"expect":"b","value":"c"}`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, always(mitm.LostUpdate), func(t *testing.T, r *rig) {
				one, two := r.overlapping(c.first, c.second)
				require.NoError(t, one.Err)
				require.NoError(t, two.Err)
				r.strikes(0, mitm.LostUpdate)
			})
		})
	}
	t.Run("in time", func(t *testing.T) {
		bubble(t, always(mitm.LostUpdate), func(t *testing.T, r *rig) {
			r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{Key: "a"})
			r.want(`{"oldValue":1,"newValue":3}`, "/Counter/c/add", "2", sending{Key: "b"})
			r.want("3", "/Counter/c/get", "")
			r.strikes(0, mitm.LostUpdate)
		})
	})
}

// A call that is sent again while it is open is one call.
func TestLostUpdateIgnoresResends(t *testing.T) {
	bubble(t, always(mitm.LostUpdate), func(t *testing.T, r *rig) {
		g, one := r.held("/Counter/c/add", "1", sending{Tag: "first", Key: "k"})
		two := r.background("/Counter/c/add", "1", sending{Tag: "first", Key: "k"})
		synctest.Wait()
		g.Open()
		r.got(`{"oldValue":0,"newValue":1}`, <-one)
		r.got(`{"oldValue":0,"newValue":1}`, <-two)
		r.strikes(0, mitm.LostUpdate)
	})
}

// A kill leaves the first call without an answer. The second one has none either, and is
// executed when it is sent again.
func TestLostUpdateNeedsTheOthersAnswer(t *testing.T) {
	bubble(t, always(mitm.LostUpdate), func(t *testing.T, r *rig) {
		_, one := r.held("/Counter/c/add", "1", sending{Tag: "first"})
		two := r.background("/Counter/c/add", "2", sending{Key: "k"})
		synctest.Wait()
		r.restart()
		assert.Error(t, (<-one).Err)
		assert.Error(t, (<-two).Err)
		r.want(`{"oldValue":1,"newValue":3}`, "/Counter/c/add", "2", sending{Key: "k"})
		r.strikes(0, mitm.LostUpdate)
	})
}

// Nobody waits for the answer of the first call. The second one is executed.
func TestLostUpdateNeedsAClientThatWaits(t *testing.T) {
	bubble(t, always(mitm.LostUpdate), func(t *testing.T, r *rig) {
		impatient := *r
		impatient.http = r.http.Clone()
		impatient.http.ResponseHeaderTimeout = time.Second
		g, one := impatient.held("/Counter/c/add", "1", sending{Tag: "first"})
		two := r.background("/Counter/c/add", "2")
		assert.Error(t, (<-one).Err)
		g.Open()
		r.got(`{"oldValue":1,"newValue":3}`, <-two)
		r.strikes(0, mitm.LostUpdate)
	})
}
