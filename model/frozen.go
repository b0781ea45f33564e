package model

import (
	"maps"
	"slices"
	"strings"
)

// frozen are the sentences of files of format version 1, which have no codes. They are a
// copy that never changes: [Sentences] are printed. Only the functions below read the
// frozen ones.
var frozen = map[string]Guarantee{
	"a value appeared that nobody wrote":                                          {Code: ValueNobodyWrote},
	"a value appeared that was written under another key":                         {Code: ValueOfOtherKey},
	"a value appeared that was written to another object":                         {Code: ValueOfOtherObject},
	"an operation that was never sent had an effect":                              {Code: EffectNeverSent},
	"an operation that the server refused had an effect":                          {Code: EffectRefused},
	"a value was read before it was written":                                      {Code: ReadBeforeWrite},
	"one idempotency key had two effects":                                         {Code: TwoEffectsOfKey},
	"one append had two effects":                                                  {Code: TwoEffectsOfAppend},
	"a counter counted more than was added":                                       {Code: CountTooHigh},
	"a compare-and-set that answered that it did not match had an effect":         {Code: UnmatchedSwapSet},
	"two clears both removed the same value":                                      {Code: TwoClearsOneValue},
	"two compare-and-sets both replaced the same value":                           {Code: TwoSwapsOneValue},
	"two additions answered the same step":                                        {Code: TwoAddsOneStep},
	"the elements of a list changed their order":                                  {Code: ListReordered},
	"the elements of a list are not in the order in which they were acknowledged": {Code: ListNotAsAcknowledged},
	"a read went back to an older value":                                          {Code: ReadWentBack},
	"an answer went back to an older value":                                       {Code: AnswerWentBack},
	"what an acknowledged clear had removed came back":                            {Code: ClearedCameBack},
	"a clearAll was seen half done":                                               {Code: ClearAllHalfDone},
	"the answers fit no order of the operations":                                  {Code: NoLegalOrder},
	"an acknowledged write is missing":                                            {Code: AcknowledgedMissing, Operation: WriteChange},
	"an acknowledged append is missing":                                           {Code: AcknowledgedMissing, Operation: AppendChange},
	"an acknowledged add is missing":                                              {Code: AcknowledgedMissing, Operation: AddChange},
	"an acknowledged compare-and-set is missing":                                  {Code: AcknowledgedMissing, Operation: CompareAndSetChange},
	"an add answered a new value that is not the old one plus what it added":      {Code: SumWrong},
	"a counter that only grows answered a negative value":                         {Code: CountNegative},
	"addThenFail answered another error than its own":                             {Code: FailureWrong},
	"addThenFail, which always fails, answered a success":                         {Code: FailureSucceeded},
	"a successful answer had a body that the contract does not have":              {Code: AnswerGarbled},
	"the handler answered an error that its contract does not have":               {Code: ErrorUnexpected},
	"an answer is not of the kind that its handler gives":                         {Code: AnswerWrongKind},
	"an accepted operation finishes":                                              {Code: OperationFinishes},
	"an accepted operation gets its turn":                                         {Code: OperationGetsTurn},
	"a call of a registered handler is accepted":                                  {Code: CallAccepted},
	"the runtime comes back after a restart":                                      {Code: RuntimeComesBack},
	"a registered deployment is known after a restart":                            {Code: DeploymentKnown},
	"a runtime that is up answers":                                                {Code: RuntimeAnswers},
	"the runtime runs until it is told to end":                                    {Code: RuntimeRuns},
	"a call is answered with its own answer":                                      {Code: AnswerIsOwn},
	"what was acknowledged is there":                                              {Code: AcknowledgedIsKept},
	"the server reports a panic":                                                  {Code: ReportsPanic},
	"the server reports data loss":                                                {Code: ReportsDataLoss},
	"the server reports corrupted data":                                           {Code: ReportsCorruption},
	"the server reports a broken invariant":                                       {Code: ReportsBrokenInvariant},
	"the server reports a partition that it can't run":                            {Code: ReportsPartitionDown},
	"the server reports a store that it can't use":                                {Code: ReportsStoreUnusable},
}

// ReadVersion1 reads a sentence of a file of format version 1, with what stands before and
// behind it: "counter: an acknowledged add is missing after a kill". The zero value is one
// that no such file has.
func ReadVersion1(text string) Guarantee {
	at, sentence := len(text), ""
	for _, s := range slices.Sorted(maps.Keys(frozen)) {
		i := strings.Index(text, s)
		if i >= 0 && (i < at || i == at && len(s) > len(sentence)) {
			at, sentence = i, s
		}
	}
	g := frozen[sentence]
	if g.IsZero() {
		return g
	}
	object, _, _ := strings.Cut(text[:at], ":")
	object, _, _ = strings.Cut(object, "-")
	if slices.Contains(Kinds(), Kind(object)) {
		g.Object = Kind(object)
	}
	rest := text[at+len(sentence):]
	for _, fault := range []FaultKind{Kill, Stop} {
		if after, came := strings.CutPrefix(rest, " after a "+string(fault)); came {
			g.Fault, rest = fault, after
		}
	}
	g.Surfaces = strings.HasPrefix(rest, ", and surfaces only later")
	return g
}

// ReadReportVersion1 reads the class of what a server reports: "a panic".
func ReadReportVersion1(class string) GuaranteeCode { return frozen["the server reports "+class].Code }

// WriteVersion1 is the sentence of a guarantee as files of format version 1 have it,
// without what surfaces later: the fingerprints in their records are made of it.
func WriteVersion1(g Guarantee) string {
	base := Guarantee{Code: g.Code, Operation: g.Operation}
	for sentence, of := range frozen {
		if of == base {
			if g.Fault != "" {
				sentence += " after a " + string(g.Fault)
			}
			if g.Object != "" {
				sentence = string(g.Object) + ": " + sentence
			}
			return sentence
		}
	}
	return ""
}
