package simulated_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/simulated"
	"retain/service"
)

func TestBugsAreParsedByName(t *testing.T) {
	bugs, err := simulated.ParseBugs("lost-write, stuck-key,lost-write")
	require.NoError(t, err)
	assert.Equal(t, []simulated.Bug{simulated.LostWrite, simulated.StuckKey}, bugs)
	bugs, err = simulated.ParseBugs("")
	require.NoError(t, err)
	assert.Empty(t, bugs)
	for _, names := range []string{"lost-wrote", "lost-write,", "all"} {
		_, err = simulated.ParseBugs(names)
		require.Error(t, err, names)
		assert.NotContains(t, err.Error(), "\n")
		for _, d := range simulated.Bugs() {
			assert.Contains(t, err.Error(), string(d.Bug))
			assert.NotEmpty(t, d.Does)
			assert.NotEmpty(t, d.When)
		}
	}
	assert.Len(t, simulated.Bugs(), 22)
}

// planted is a runtime on which the bug strikes wherever it can.
func planted(bugs ...simulated.Bug) simulated.Options {
	return simulated.Options{Bugs: bugs, Rate: 1, Settings: runtime.Settings{Partitions: 4}}
}

// strikes compares how often the bug has struck.
func (r *rig) strikes(want int, b simulated.Bug) {
	r.t.Helper()
	assert.Equal(r.t, want, r.Strikes()[b], b)
	if want > 0 {
		log, err := r.Logs(0)
		require.NoError(r.t, err)
		assert.Equal(r.t, want, strings.Count(string(log), string(b)+": "), "lines in the log")
	}
}

func TestLostWriteForgetsAnAcknowledgedWriteAtAKill(t *testing.T) {
	bubble(t, planted(simulated.LostWrite), func(t *testing.T, r *rig) {
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1")
		r.restart(r.stop)
		r.want("1", "/Counter/c/get", "")
		r.restart(r.kill)
		r.want("1", "/Counter/c/get", "") // acknowledged before the last start
		_, answer := r.held(service.After, "/Counter/c/add", "1", sending{Tag: "t"})
		r.kill()
		<-answer
		r.start()
		r.want("2", "/Counter/c/get", "") // not acknowledged
		r.strikes(0, simulated.LostWrite)

		r.want(`{"oldValue":2,"newValue":3}`, "/Counter/c/add", "1")
		r.want(`{"oldValue":3,"newValue":5}`, "/Counter/c/add", "2", sending{Key: "k"})
		_, answer = r.held(service.After, "/Counter/c/add", "10", sending{Tag: "t2"})
		r.kill()
		<-answer
		r.start()
		r.want("13", "/Counter/c/get", "") // of 1, 2 and 10 the last acknowledged is gone
		r.want(`{"oldValue":3,"newValue":5}`, "/Counter/c/add", "2", sending{Key: "k"})
		r.strikes(1, simulated.LostWrite)
	})
}

func TestStaleReadReturnsAnEarlierState(t *testing.T) {
	for _, way := range []string{"kill", "stop"} {
		t.Run(way, func(t *testing.T) {
			bubble(t, planted(simulated.StaleRead), func(t *testing.T, r *rig) {
				end := map[string]func(){"kill": r.kill, "stop": r.stop}[way]
				r.want("", "/Register/r/write", `"a"`)
				r.want("", "/Register/r/write", `"b"`)
				r.want(`"b"`, "/Register/r/read", "")
				r.want("", "/MapObject/m/set", `{"key":"k","value":"v"}`)
				r.want("", "/MapObject/m/set", `{"key":"l","value":"w"}`)
				r.restart(end)
				r.want(`""`, "/Register/other/read", "")
				r.want(`"v"`, "/MapObject/m/get", `"k"`) // its last write was to another entry
				r.strikes(0, simulated.StaleRead)
				r.want(`"a"`, "/Register/r/read", "")
				r.want(`"a"`, "/Register/r/readExclusive", "")
				r.want(`"b"`, "/Register/r/compareAndSet", `{"expect":"x","value":"y"}`)
				r.want("", "/Register/r/write", `"c"`)
				r.want(`"c"`, "/Register/r/read", "")
				r.strikes(2, simulated.StaleRead)
			})
		})
	}
}

func TestDoubleApplyRepeatsAnInFlightWriteAtAKill(t *testing.T) {
	for at, want := range map[service.Position]string{service.Before: `{"oldValue":1,"newValue":2}`, service.After: `{"oldValue":1,"newValue":2}`} {
		t.Run(string(at), func(t *testing.T) {
			bubble(t, planted(simulated.DoubleApply), func(t *testing.T, r *rig) {
				s := sending{Key: "k", Tag: "t"}
				_, answer := r.held(at, "/Counter/c/add", "1", s)
				queued := r.background("/Counter/c/add", "10") // not entered: not in flight
				time.Sleep(time.Millisecond)                   // on the simulated clock
				r.kill()
				<-answer
				<-queued
				r.start()
				r.want("12", "/Counter/c/get", "")
				assert.Equal(t, want, r.get("/restate/invocation/Counter/c/add/k/output").Body)
				r.strikes(1, simulated.DoubleApply)
			})
		})
	}
}

// A stop in the middle of the second attempt adds nothing.
func TestDoubleApplyIsDecidedOncePerKill(t *testing.T) {
	o := planted(simulated.DoubleApply)
	o.Timings = simulated.Timings{Latency: time.Hour, Drain: -1}
	bubble(t, o, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		r.kill()
		<-answer
		r.start()
		state := func() string {
			return r.exchange(exchange{Method: "POST", Path: "admin:/query", Request: sent{Body: `{"query":"select value_utf8 from state"}`}}).Body
		}
		for range 100 {
			if time.Sleep(time.Minute); state() != `{"rows":[]}` {
				break
			}
		}
		require.Equal(t, `{"rows":[{"value_utf8":"2"}]}`, state())
		r.restart(r.stop)
		time.Sleep(20 * time.Hour)
		r.want("2", "/Counter/c/get", "")
		r.strikes(1, simulated.DoubleApply)
	})
}

func TestDoubleApplyRepeatsAResentWrite(t *testing.T) {
	bubble(t, planted(simulated.DoubleApply), func(t *testing.T, r *rig) {
		k := sending{Key: "k"}
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", k)
		r.strikes(0, simulated.DoubleApply)
		r.want(`{"oldValue":1,"newValue":2}`, "/Counter/c/add", "1", k)
		r.strikes(1, simulated.DoubleApply)
	})
}

func TestDoubleApplyNeedsACrashOrTheSameKey(t *testing.T) {
	bubble(t, planted(simulated.DoubleApply), func(t *testing.T, r *rig) {
		_, answer := r.held(service.After, "/Counter/c/add", "1", sending{Key: "k", Tag: "t"})
		attached := r.background("/Counter/c/add", "1", sending{Key: "k"}) // the first is not over yet
		time.Sleep(time.Millisecond)
		r.stop()
		<-attached
		<-answer
		r.start()
		r.want("1", "/Counter/c/get", "", sending{Key: "k"})
		r.want("1", "/Counter/c/get", "", sending{Key: "k"})
		r.want(`{"oldValue":1,"newValue":2}`, "/Counter/c/add", "1")
		r.want(`{"oldValue":2,"newValue":3}`, "/Counter/c/add", "1", sending{Key: "k2"})
		r.want("", "/Register/r/write", `"a"`, sending{Key: "k"})
		r.want("", "/Register/r/write", `"a"`, sending{Key: "k"}) // would change nothing
		r.strikes(0, simulated.DoubleApply)
	})
}

func TestSwallowedWriteAnswersWithoutEffect(t *testing.T) {
	bubble(t, planted(simulated.SwallowedWrite), func(t *testing.T, r *rig) {
		r.want("0", "/Counter/c/get", "")
		r.want("", "/Counter/c/reset", "") // would change nothing
		r.strikes(0, simulated.SwallowedWrite)
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1")
		r.want("0", "/Counter/c/get", "")
		r.strikes(1, simulated.SwallowedWrite)
	})
}

func TestRollbackRestoresAnEarlierState(t *testing.T) {
	for _, way := range []string{"kill", "stop"} {
		t.Run(way, func(t *testing.T) {
			bubble(t, planted(simulated.Rollback), func(t *testing.T, r *rig) {
				end := map[string]func(){"kill": r.kill, "stop": r.stop}[way]
				r.restart(end)
				r.want("0", "/Counter/c/get", "")
				r.restart(end)
				r.strikes(0, simulated.Rollback)
				r.want("", "/ListObject/l/append", `"a"`)
				r.want("", "/ListObject/l/append", `"b"`)
				r.want(`["a","b"]`, "/ListObject/l/get", "")
				r.restart(end)
				r.want(`[]`, "/ListObject/l/get", "")
				r.strikes(1, simulated.Rollback)
			})
		})
	}
}

func TestReorderedListChangesTheOrderOfElements(t *testing.T) {
	bubble(t, planted(simulated.ReorderedList), func(t *testing.T, r *rig) {
		r.want("", "/ListObject/l/append", `"a"`)
		r.strikes(0, simulated.ReorderedList)
		r.want("", "/ListObject/l/append", `"b"`)
		r.want("", "/ListObject/l/append", `"c"`)
		r.want(`["b","c","a"]`, "/ListObject/l/get", "")
		r.strikes(2, simulated.ReorderedList)
	})
}

func TestWrongKeyWritesToAnotherObject(t *testing.T) {
	bubble(t, planted(simulated.WrongKey), func(t *testing.T, r *rig) {
		r.want("", "/Register/r/write", `"a"`)
		r.want("", "/MapObject/m/set", `{"key":"k","value":"v"}`)
		r.want(`"a"`, "/Register/r/read", "")
		r.want(`"v"`, "/MapObject/m/get", `"k"`)
		r.strikes(0, simulated.WrongKey)
		r.want("", "/Register/s/write", `"x"`)
		r.want("", "/Register/s/write", `"b"`)
		r.want(`"b"`, "/Register/r/read", "")
		r.want(`"a"`, "/Register/s/readExclusive", "")
		r.want(`"b"`, "/Register/new/read", "")
		r.want("", "/MapObject/m/set", `{"key":"l","value":"w"}`)
		r.want(`"w"`, "/MapObject/m/get", `"k"`)
		r.want(`"v"`, "/MapObject/n/get", `"l"`)
		r.strikes(5, simulated.WrongKey)
	})
}

func TestReadBeforeClearReturnsTheClearedList(t *testing.T) {
	bubble(t, planted(simulated.ReadBeforeClear), func(t *testing.T, r *rig) {
		r.want(`[]`, "/ListObject/l/clear", "") // of nothing
		r.want("", "/ListObject/l/append", `"a"`)
		r.want(`["a"]`, "/ListObject/l/get", "")
		r.strikes(0, simulated.ReadBeforeClear)
		r.want(`["a"]`, "/ListObject/l/clear", "")
		r.want(`["a"]`, "/ListObject/l/get", "")
		r.want("", "/ListObject/l/append", `"b"`)
		r.want(`["a"]`, "/ListObject/l/get", "")
		r.want(`["b"]`, "/ListObject/l/clear", "") // not a read
		r.want(`["b"]`, "/ListObject/l/get", "")
		r.strikes(3, simulated.ReadBeforeClear)
	})
}

func TestLateWriteTakesEffectAfterItsAnswer(t *testing.T) {
	bubble(t, planted(simulated.LateWrite), func(t *testing.T, r *rig) {
		r.want("0", "/Counter/c/get", "")
		r.strikes(0, simulated.LateWrite)
		later := map[int]bool{}
		for i := range 20 {
			key := "c" + itoa(i)
			r.want(`{"oldValue":0,"newValue":1}`, "/Counter/"+key+"/add", "1")
			if i%2 == 0 {
				r.restart(r.kill)
			}
			reads := 0
			for r.call("/Counter/"+key+"/get", "").Body == "0" {
				reads++
				require.Less(t, reads, 4)
			}
			later[reads] = true
			r.want("1", "/Counter/"+key+"/get", "")
		}
		assert.Equal(t, map[int]bool{1: true, 2: true, 3: true}, later)
		r.strikes(20, simulated.LateWrite)
	})
}

func TestDirtyReadLosesAWriteThatWasRead(t *testing.T) {
	bubble(t, planted(simulated.DirtyRead), func(t *testing.T, r *rig) {
		s := sending{Key: "k", Tag: "t"}
		_, answer := r.held(service.After, "/Counter/c/add", "1", s)
		r.want("1", "/Counter/c/get", "")
		r.kill()
		assert.Error(t, (<-answer).Err)
		r.start()
		r.want("0", "/Counter/c/get", "")
		assert.Equal(t, 404, r.get("/restate/invocation/Counter/c/add/k/output").Status)
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", s)
		r.want("1", "/Counter/c/get", "")
		r.strikes(1, simulated.DirtyRead)
	})
}

// The server finished the operation after a restart, others read it, and its client
// never asked for the answer.
func TestDirtyReadLosesAWriteOfAnEarlierIncarnation(t *testing.T) {
	bubble(t, planted(simulated.DirtyRead), func(t *testing.T, r *rig) {
		heard, unheard := sending{Key: "heard", Tag: "t"}, sending{Key: "unheard", Tag: "u"}
		_, a := r.held(service.Before, "/Counter/c/add", "1", heard)
		r.kill()
		assert.Error(t, (<-a).Err)
		r.start()
		_, b := r.held(service.Before, "/ListObject/l/append", `"a"`, unheard)
		r.stop()
		assert.Error(t, (<-b).Err)
		r.start()
		r.want("", "/ListObject/l/append", `"b"`)
		r.want(`["a","b"]`, "/ListObject/l/get", "")
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", heard)
		r.restart(r.kill)
		r.want("1", "/Counter/c/get", "")
		r.want(`["b"]`, "/ListObject/l/get", "")
		r.want("", "/ListObject/l/append", `"a"`, unheard)
		r.want(`["b","a"]`, "/ListObject/l/get", "")
		r.strikes(1, simulated.DirtyRead)
	})
}

func TestDirtyReadNeedsAKillBetweenEffectAndAnswer(t *testing.T) {
	bubble(t, planted(simulated.DirtyRead), func(t *testing.T, r *rig) {
		_, unseen := r.held(service.After, "/Counter/unseen/add", "1", sending{Tag: "s"})
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/answered/add", "1")
		r.want("1", "/Counter/answered/get", "")
		_, before := r.held(service.Before, "/Counter/before/add", "1", sending{Tag: "t"})
		r.want("0", "/Counter/before/get", "")
		r.kill()
		<-before
		<-unseen
		r.start()
		_, stopped := r.held(service.After, "/Counter/stopped/add", "1", sending{Tag: "u"})
		r.want("1", "/Counter/stopped/get", "")
		r.stop()
		<-stopped
		r.start()
		for _, key := range []string{"answered", "unseen", "before", "stopped"} {
			r.want("1", "/Counter/"+key+"/get", "")
		}
		r.strikes(0, simulated.DirtyRead)
	})
}

func TestStuckKeyNeverAnswersAfterARestart(t *testing.T) {
	bubble(t, planted(simulated.StuckKey), func(t *testing.T, r *rig) {
		r.restart(r.kill)
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1")
		r.want(`{"nonce":"recorded"}`, "/RetainCanary/c/ping", "")
		r.strikes(0, simulated.StuckKey)
		r.restart(r.stop)
		add, get := r.background("/Counter/c/add", "1"), r.background("/Counter/c/get", "")
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Empty(t, add)
		assert.Empty(t, get)
		r.want("0", "/Counter/d/get", "")
		r.want(`{"nonce":"recorded"}`, "/RetainCanary/c/ping", "")
		r.strikes(1, simulated.StuckKey)
		r.kill()
		<-add
		<-get
	})
}

// An operation that ran at a kill fails from then on, keeps its key, and shows its
// failure in the tables.
func TestStuckRetryFailsEveryAttemptAfterAKill(t *testing.T) {
	bubble(t, planted(simulated.StuckRetry), func(t *testing.T, r *rig) {
		r.want("", "/MapObject/m/set", `{"key":"a","value":"1"}`)
		_, answer := r.held(service.Before, "/MapObject/m/clearAll", "", sending{Key: "k", Tag: "t"})
		r.kill()
		<-answer
		r.start()
		get := r.background("/MapObject/m/get", `"a"`)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Empty(t, get)
		r.want("0", "/Counter/d/get", "")
		r.strikes(1, simulated.StuckRetry)
		query := func(sql string) []map[string]any {
			var answer struct{ Rows []map[string]any }
			text := r.exchange(exchange{Method: "POST", Path: "admin:/query", Request: sent{Body: `{"query":"` + sql + `"}`}}).Body
			require.NoError(t, json.Unmarshal([]byte(text), &answer), text)
			return answer.Rows
		}
		rows := query("SELECT * FROM sys_keyed_service_status WHERE service_name = 'MapObject' AND service_key = 'm'")
		require.Len(t, rows, 1)
		holder := query("SELECT * FROM sys_invocation WHERE id = '" + rows[0]["invocation_id"].(string) + "'")[0]
		assert.Equal(t, "clearAll", holder["target_handler_name"])
		assert.Equal(t, "backing-off", holder["status"])
		assert.Greater(t, holder["retry_count"], 10.0)
		assert.Equal(t, "[590] the planted bug stuck-retry", holder["last_failure"])
		assert.Len(t, query("SELECT * FROM sys_invocation WHERE status = 'pending'"), 1)
		r.kill()
		<-get
	})
}

// The test meets the condition of every bug.
func TestNoBugStrikesUnlessPlanted(t *testing.T) {
	bubble(t, simulated.Options{Rate: 1}, func(t *testing.T, r *rig) {
		r.want("", "/ListObject/other/append", `"x"`)
		r.want("", "/ListObject/l/append", `"a"`)
		r.want(`["a"]`, "/ListObject/l/clear", "")
		r.want("", "/ListObject/l/append", `"b"`)
		r.want("", "/ListObject/l/append", `"c"`, sending{Key: "k"})
		r.want("", "/ListObject/l/append", `"c"`, sending{Key: "k"})
		_, answer := r.held(service.After, "/ListObject/l/append", `"d"`, sending{Key: "d", Tag: "t"})
		r.kill()
		<-answer
		r.start()
		r.want(`["b","c","d"]`, "/ListObject/l/get", "")
		r.restart(r.stop)
		r.want(`["b","c","d"]`, "/ListObject/l/get", "")
		assert.Empty(t, r.Strikes())
	})
}

func TestBugStrikesAtItsRate(t *testing.T) {
	for _, c := range []struct {
		rate, want float64
	}{{0, simulated.DefaultRate}, {0.5, 0.5}} {
		o := simulated.Options{Bugs: []simulated.Bug{simulated.SwallowedWrite}, Rate: c.rate}
		bubble(t, o, func(t *testing.T, r *rig) {
			for i := range 1000 {
				require.NoError(t, r.call("/Counter/c"+itoa(i%10)+"/add", "1").Err)
			}
			assert.InDelta(t, 1000*c.want, r.Strikes()[simulated.SwallowedWrite], 50)
		})
	}
}
