package model

import (
	"maps"
	"slices"
	"strings"
)

// Wording is how guarantees are put into words.
type Wording struct {
	// Guarantees are the sentences by code. In them "{operation}" stands for one of
	// Operations.
	Guarantees map[GuaranteeCode]string
	// Reports are what the server reports, behind Reporting.
	Reports   map[GuaranteeCode]string
	Reporting string
	// Operations are the nouns of changes.
	Operations map[ChangeKind]string
	// After goes between a sentence and a fault, Surfaces after the sentence of a value
	// that was seen again.
	After, Surfaces string
}

// Sentences is the one table of the sentences in which guarantees are printed. No
// decision depends on them: a test replaces them all.
var Sentences = Wording{
	Guarantees: map[GuaranteeCode]string{
		ValueNobodyWrote:      "a value appeared that nobody wrote",
		ValueOfOtherKey:       "a value appeared that was written under another key",
		ValueOfOtherObject:    "a value appeared that was written to another object",
		EffectNeverSent:       "an operation that was never sent had an effect",
		EffectRefused:         "an operation that the server refused had an effect",
		ReadBeforeWrite:       "a value was read before it was written",
		RanEarly:              "what was delayed took effect before its time",
		TwoEffectsOfKey:       "one idempotency key had two effects",
		TwoEffectsOfAppend:    "one append had two effects",
		CountTooHigh:          "a counter counted more than was added",
		UnmatchedSwapSet:      "a compare-and-set that answered that it did not match had an effect",
		TwoClearsOneValue:     "two clears both removed the same value",
		TwoSwapsOneValue:      "two compare-and-sets both replaced the same value",
		TwoAddsOneStep:        "two additions answered the same step",
		TwoCallsOneNumber:     "two calls were counted as one",
		ListReordered:         "the elements of a list changed their order",
		ListNotAsAcknowledged: "the elements of a list are not in the order in which they were acknowledged",
		ReadWentBack:          "a read went back to an older value",
		AnswerWentBack:        "an answer went back to an older value",
		ClearedCameBack:       "what an acknowledged clear had removed came back",
		ClearAllHalfDone:      "a clearAll was seen half done",
		NoLegalOrder:          "the answers fit no order of the operations",
		AcknowledgedMissing:   "an acknowledged " + operation + " is missing",
		AnswerForgotten:       "the answer of an idempotency key is not known any more",
		AnswerUnknownAtStart:  "an answered idempotency key has no answer while the server starts",
		MetadataLost:          "an error lost its metadata when it was asked for again",
		EndedRanAgain:         "an invocation that had been ended was executed again after a restart",
		CompletionLost:        "an acknowledged completion of an awakeable was not used",
		EarlyCompletionLost:   "an acknowledged completion that preceded the await was not used",
		LaterCompletionWon:    "a later completion of an awakeable won over an acknowledged one",
		CompletionChanged:     "what an awakeable was completed with changed",

		SumWrong:         "an add answered a new value that is not the old one plus what it added",
		CountNegative:    "a counter that only grows answered a negative value",
		FailureWrong:     "addThenFail answered another error than its own",
		FailureSucceeded: "addThenFail, which always fails, answered a success",
		AnswerGarbled:    "a successful answer had a body that the contract does not have",
		ErrorUnexpected:  "the handler answered an error that its contract does not have",
		AnswerWrongKind:  "an answer is not of the kind that its handler gives",
		AnswerNotKept:    "an idempotency key was answered otherwise when it was sent or asked for again",
		AnswerOfOtherKey: "an idempotency key got the answer of another one",

		OperationFinishes:  "an accepted operation finishes",
		OperationGetsTurn:  "an accepted operation gets its turn",
		CallAccepted:       "a call of a registered handler is accepted",
		RuntimeComesBack:   "the runtime comes back after a restart",
		DeploymentKnown:    "a registered deployment is known after a restart",
		RuntimeAnswers:     "a runtime that is up answers",
		RuntimeRuns:        "the runtime runs until it is told to end",
		AnswerIsOwn:        "a call is answered with its own answer",
		AcknowledgedIsKept: "what was acknowledged is there",
	},
	Reports: map[GuaranteeCode]string{
		ReportsPanic:           "a panic",
		ReportsDataLoss:        "data loss",
		ReportsCorruption:      "corrupted data",
		ReportsBrokenInvariant: "a broken invariant",
		ReportsPartitionDown:   "a partition that it can't run",
		ReportsStoreUnusable:   "a store that it can't use",
	},
	Reporting: "the server reports ",
	Operations: map[ChangeKind]string{
		WriteChange: "write", AppendChange: "append", AddChange: "add", CompareAndSetChange: "compare-and-set", SendChange: "send", CallChange: "call", AwaitChange: "await",
	},
	After: " after a ", Surfaces: ", and surfaces only later",
}

// operation stands in a sentence for the noun of the guarantee's operation.
const operation = "{operation}"

func sortedCodes(tables ...map[GuaranteeCode]string) (out []GuaranteeCode) {
	for _, table := range tables {
		out = slices.AppendSeq(out, maps.Keys(table))
	}
	slices.Sort(out)
	return out
}

// say puts a guarantee into words.
func (w Wording) say(g Guarantee) string {
	if g.Code == "" {
		return ""
	}
	says := strings.ReplaceAll(w.Guarantees[g.Code], operation, w.Operations[g.Operation])
	if noun, reports := w.Reports[g.Code]; reports {
		says = w.Reporting + noun
	}
	if g.Fault != "" {
		says += w.After + g.Fault.Noun()
	}
	if g.Surfaces {
		says += w.Surfaces
	}
	return says
}
