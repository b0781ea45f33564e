package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/harness"
	"retain/harness/triage"
	"retain/model"
)

// switchedHistory is an addition that is answered otherwise when it is sent again to another
// version.
const switchedHistory = `{"e":"header","version":4,"run":"r","runtime":"restate-server 1.6.2 (76acff9), process"}
{"e":"call","seq":1,"ns":1000000,"id":1,"process":"0","step":1,"phase":"program","object":"counter-0","op":"add(1)","key":"r-1"}
{"e":"return","seq":4,"ns":4000000,"id":1,"outcome":"ok","answer":"2->3"}
{"e":"fault","seq":7,"ns":7000000,"step":13,"kind":"kill"}
{"e":"fault-end","seq":8,"ns":8000000,"step":13,"kind":"kill"}
{"e":"fault","seq":9,"ns":9000000,"step":14,"kind":"start","version":"1.7.12"}
{"e":"fault-end","seq":10,"ns":10000000,"step":14,"kind":"start","version":"1.7.12"}
{"e":"attempt","seq":13,"ns":13000000,"id":1,"n":1}
{"e":"attempted","seq":14,"ns":14000000,"id":1,"n":1,"wrote":true,"status":200}
{"e":"repeated","seq":15,"ns":15000000,"id":1,"n":1,"answer":"3->4"}
{"e":"end","seq":18,"ns":18000000}
`

func TestAFindingSaysAfterWhichStartItCameAndInWhichVersions(t *testing.T) {
	h, err := model.ReadHistory(strings.NewReader(strings.Replace(switchedHistory, `"2->3"`, `"0->1"`, 1)))
	require.NoError(t, err)
	r := harness.Run{Outcome: &harness.Outcome{ID: "r", History: h}}
	r.Judge(nil, checker.Options{})
	require.Equal(t, harness.Violation, r.Verdict, r.Sentence)
	const came = "after step 14, start 1, as 1.7.12: last good counter-0 add(1) -> 0->1 by 1.6.2 at 4 ms, first bad counter-0 add(1) -> 3->4 by 1.7.12 at 15 ms"
	rows := Finding(r, Context{})
	assert.Equal(t, came, row(rows, "came"))
	assert.Contains(t, rows.String(), "<- sent again at 15 ms it was answered 3->4")
	assert.Contains(t, Recheck(h, r.Check, "h.jsonl", 0).String(), came)

	text, err := triage.FactsOf(&r).Encode()
	require.NoError(t, err)
	var f struct {
		CameAt harness.CameAt `json:"came_at"`
	}
	require.NoError(t, json.Unmarshal(text, &f))
	assert.Equal(t, []any{14, "1.7.12", "1.6.2", "1.7.12", "r-1"}, []any{f.CameAt.Step, f.CameAt.Version, f.CameAt.LastGood.Version, f.CameAt.FirstBad.Version, f.CameAt.FirstBad.Key})
}

func TestAWayBackThatWasExcusedIsALineOfItsPlan(t *testing.T) {
	var out strings.Builder
	p := &Reporter{Out: &out}
	h := &model.History{Header: model.Header{Version: 4}, Ended: true, Faults: []model.Fault{
		{Step: 4, Kind: model.Start, Version: "1.5.3", Excused: "from 1.7.0 on, to versions before 1.6.0", Begin: model.Instant{Seq: 1}, End: model.Instant{Seq: 2}},
	}}
	p.Run(harness.Run{Number: 3, Verdict: harness.Pass, Outcome: &harness.Outcome{History: h}})
	assert.Equal(t, "note       plan 3, step 4: way back refused, excused: from 1.7.0 on, to versions before 1.6.0\n", out.String())
}
