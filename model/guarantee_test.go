package model

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everyGuarantee has each code with each of what stands beside it.
func everyGuarantee() (out []Guarantee) {
	for _, code := range GuaranteeCodes() {
		operations := []ChangeKind{""}
		if code == AcknowledgedMissing {
			operations = []ChangeKind{WriteChange, AppendChange, AddChange, CompareAndSetChange}
		}
		for _, operation := range operations {
			for _, fault := range []FaultKind{"", Kill, Stop} {
				for _, object := range append(Kinds(), "") {
					for _, surfaces := range []bool{false, true} {
						out = append(out, Guarantee{code, operation, object, fault, surfaces})
					}
				}
			}
		}
	}
	return out
}

// As long as no sentence was changed since version 1, printed sentences can be read.
func TestSentencesOfVersion1AreRead(t *testing.T) {
	later := []GuaranteeCode{AnswerNotKept, RanEarly, AnswerForgotten, AnswerUnknownAtStart, MetadataLost, AnswerOfOtherKey, TwoCallsOneNumber, CompletionLost, EarlyCompletionLost, LaterCompletionWon, CompletionChanged, EndedRanAgain} // than that format
	for _, g := range everyGuarantee() {
		if slices.Contains(later, g.Code) {
			continue
		}
		require.Equal(t, g, ReadVersion1(g.About()), g.About())
		g.Surfaces = false
		require.Equal(t, g.About(), WriteVersion1(g))
	}
	assert.Len(t, frozen, len(GuaranteeCodes())-len(later)+3, "a missing write, append, add and compare-and-set")
}

func TestSentencesOfVersion1AreReadInTheirContext(t *testing.T) {
	for text, want := range map[string]Guarantee{
		"broken: an accepted operation finishes: operation 6, list-0 get()": {Code: OperationFinishes},
		"map-0: a clearAll was seen half done":                              {Code: ClearAllHalfDone, Object: Map},
		"the server reports a panic: a read went back to an older value":    {Code: ReportsPanic},
		"an acknowledged add is missing after a kill, says a person":        {Code: AcknowledgedMissing, Operation: AddChange, Fault: Kill},
		"it failed": {},
		"":          {},
	} {
		assert.Equal(t, want, ReadVersion1(text), text)
	}
}

func TestEveryGuaranteeHasASentenceOfItsOwn(t *testing.T) {
	seen := map[string]Guarantee{}
	for _, g := range everyGuarantee() {
		says := g.About()
		require.NotEmpty(t, g.String())
		require.NotContains(t, says, "{")
		require.Zero(t, seen[says], says)
		seen[says] = g
	}
	assert.Empty(t, Guarantee{}.String())
}

func TestGuaranteesRoundTripInJSON(t *testing.T) {
	for _, g := range everyGuarantee() {
		text, err := json.Marshal(g)
		require.NoError(t, err)
		var back Guarantee
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, g, back)
	}
	var g Guarantee
	assert.ErrorContains(t, json.Unmarshal([]byte(`{"code":"lost"}`), &g), `no guarantee has the code "lost"`)
}

// A recorded guarantee covers the same one on another kind of object, and one without a
// known fault.
func TestCoversIgnoresTheObjectAndAnUnknownFault(t *testing.T) {
	kept := Guarantee{Code: AcknowledgedMissing, Operation: AddChange, Object: Counter, Fault: Kill}
	assert.True(t, kept.Covers(kept))
	assert.True(t, kept.Covers(Guarantee{Code: AcknowledgedMissing, Operation: AddChange}))
	assert.False(t, kept.Covers(Guarantee{Code: AcknowledgedMissing, Operation: AddChange, Fault: Stop}))
	assert.False(t, kept.Covers(Guarantee{Code: AcknowledgedMissing, Operation: AppendChange, Fault: Kill}))
	assert.False(t, kept.Covers(Guarantee{Code: ReadWentBack, Fault: Kill}))
	assert.False(t, Guarantee{}.Covers(Guarantee{}))
}
