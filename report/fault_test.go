package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/generators"
	"retain/model"
)

func TestEveryFaultHasAStyle(t *testing.T) {
	forms := map[string]model.FaultKind{}
	for _, k := range model.FaultKinds() {
		s := faultStyles[k]
		assert.True(t, ShowsFault(k), "add report/fault_%s.go", k)
		if !k.Undoes() {
			assert.NotContains(t, forms, s.glyph, "%s has the form of another", k)
			forms[s.glyph] = k
		}
		assert.Less(t, s.colour, len(palette))
	}
	for _, k := range generators.Faults() {
		s := faultStyles[k]
		assert.NotEmpty(t, s.hatch, "report/fault_%s.go: it meets operations and has no band", k)
		assert.NotZero(t, s.tile, "report/fault_%s.go", k)
		assert.NotEmpty(t, s.border, "report/fault_%s.go", k)
	}
	for _, k := range model.FaultKinds() {
		if k.Undoes() && !k.Starts() {
			assert.NotEmpty(t, faultStyles[k].past, "report/fault_%s.go: it ends a fault and has no word for that", k)
		}
	}
}

// A row of the table of the proof has its fault's colour, and one that joins several none.
func TestRowsOfFaultsHaveTheirKind(t *testing.T) {
	rows := faultRows([]outage{{Fault: model.Fault{Kind: model.Kill, Begin: ms(1), End: ms(2)}, Facts: []string{"down 7 ms"}, Back: 9e6}}, []tableRow{{At: 0, seq: 0}, {At: 20e6, seq: 20e9}})
	assert.Equal(t, "kill", rows[0].Kind())
	joined := joinedFaults([]tableRow{{fault: model.Kill, faults: 1, Text: "kill"}, {fault: model.Stop, faults: 1, Text: "stop"}})
	assert.Equal(t, "", joined[0].Kind())
}
