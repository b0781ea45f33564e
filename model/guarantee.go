package model

import (
	"fmt"

	"retain/internal/exactjson"
)

// GuaranteeCode says which guarantee broke. Codes are stable: files keep them, and
// decisions compare them.
type GuaranteeCode string

// The guarantees of an object's state. Their violation is a history without a legal order.
const (
	ValueNobodyWrote      GuaranteeCode = "value-nobody-wrote"
	ValueOfOtherKey       GuaranteeCode = "value-of-other-key"
	ValueOfOtherObject    GuaranteeCode = "value-of-other-object"
	EffectNeverSent       GuaranteeCode = "effect-never-sent"
	EffectRefused         GuaranteeCode = "effect-refused"
	ReadBeforeWrite       GuaranteeCode = "read-before-write"
	RanEarly              GuaranteeCode = "ran-early"
	TwoEffectsOfKey       GuaranteeCode = "two-effects-of-key"
	TwoEffectsOfAppend    GuaranteeCode = "two-effects-of-append"
	CountTooHigh          GuaranteeCode = "count-too-high"
	UnmatchedSwapSet      GuaranteeCode = "unmatched-swap-set"
	TwoClearsOneValue     GuaranteeCode = "two-clears-one-value"
	TwoSwapsOneValue      GuaranteeCode = "two-swaps-one-value"
	TwoAddsOneStep        GuaranteeCode = "two-adds-one-step"
	TwoCallsOneNumber     GuaranteeCode = "two-calls-one-number"
	ListReordered         GuaranteeCode = "list-reordered"
	ListNotAsAcknowledged GuaranteeCode = "list-not-as-acknowledged"
	ReadWentBack          GuaranteeCode = "read-went-back"
	AnswerWentBack        GuaranteeCode = "answer-went-back"
	ClearedCameBack       GuaranteeCode = "cleared-came-back"
	ClearAllHalfDone      GuaranteeCode = "clear-all-half-done"
	NoLegalOrder          GuaranteeCode = "no-legal-order"
	AcknowledgedMissing   GuaranteeCode = "acknowledged-missing"
	AnswerForgotten       GuaranteeCode = "answer-forgotten"
	AnswerUnknownAtStart  GuaranteeCode = "answer-unknown-at-start"
	MetadataLost          GuaranteeCode = "metadata-lost"
	EndedRanAgain         GuaranteeCode = "ended-ran-again"
	CompletionLost        GuaranteeCode = "completion-lost"
	EarlyCompletionLost   GuaranteeCode = "early-completion-lost"
	LaterCompletionWon    GuaranteeCode = "later-completion-won"
	CompletionChanged     GuaranteeCode = "completion-changed"
)

// The guarantees of a single answer, in any state of its object.
const (
	SumWrong         GuaranteeCode = "sum-wrong"
	CountNegative    GuaranteeCode = "count-negative"
	FailureWrong     GuaranteeCode = "failure-wrong"
	FailureSucceeded GuaranteeCode = "failure-succeeded"
	AnswerGarbled    GuaranteeCode = "answer-garbled"
	ErrorUnexpected  GuaranteeCode = "error-unexpected"
	AnswerWrongKind  GuaranteeCode = "answer-wrong-kind"
	AnswerNotKept    GuaranteeCode = "answer-not-kept" // under the idempotency key, sent again
	AnswerOfOtherKey GuaranteeCode = "answer-of-other-key"
)

// The guarantees of liveness, and of the runtime as a whole.
const (
	OperationFinishes  GuaranteeCode = "operation-finishes"
	OperationGetsTurn  GuaranteeCode = "operation-gets-turn"
	CallAccepted       GuaranteeCode = "call-accepted"
	RuntimeComesBack   GuaranteeCode = "runtime-comes-back"
	DeploymentKnown    GuaranteeCode = "deployment-known"
	RuntimeAnswers     GuaranteeCode = "runtime-answers"
	RuntimeRuns        GuaranteeCode = "runtime-runs"
	AnswerIsOwn        GuaranteeCode = "answer-is-own"
	AcknowledgedIsKept GuaranteeCode = "acknowledged-is-kept" // all of them; nothing broke
)

// What the server itself reports, in its log or its metrics.
const (
	ReportsPanic           GuaranteeCode = "reports-panic"
	ReportsDataLoss        GuaranteeCode = "reports-data-loss"
	ReportsCorruption      GuaranteeCode = "reports-corruption"
	ReportsBrokenInvariant GuaranteeCode = "reports-broken-invariant"
	ReportsPartitionDown   GuaranteeCode = "reports-partition-down"
	ReportsStoreUnusable   GuaranteeCode = "reports-store-unusable"
)

// GuaranteeCodes are all codes, in alphabetical order.
func GuaranteeCodes() []GuaranteeCode { return sortedCodes(Sentences.Guarantees, Sentences.Reports) }

// Known reports whether the code is one of [GuaranteeCodes].
func (c GuaranteeCode) Known() bool {
	return Sentences.Guarantees[c] != "" || Sentences.Reports[c] != ""
}

// Reported reports whether a server reports it, in its log: corruption, a panic.
func (c GuaranteeCode) Reported() bool { return Sentences.Reports[c] != "" }

// Noun is what the server reports, such as "a panic"; "" for other codes.
func (c GuaranteeCode) Noun() string { return Sentences.Reports[c] }

// ChangeKind is a kind of operations that change an object, as guarantees distinguish them.
type ChangeKind string

// The kinds of changes.
const (
	WriteChange         ChangeKind = "write"
	AppendChange        ChangeKind = "append"
	AddChange           ChangeKind = "add"
	CompareAndSetChange ChangeKind = "compare-and-set"
	SendChange          ChangeKind = "send"
	CallChange          ChangeKind = "call"
	AwaitChange         ChangeKind = "await"
)

// Guarantee is a guarantee that broke. The zero value is none. Two are the same if they
// are equal; their sentences decide nothing.
type Guarantee struct {
	Code GuaranteeCode `json:"code"`
	// Operation is the kind of the acknowledged operation, "" where the guarantee is not
	// about one.
	Operation ChangeKind `json:"operation,omitempty"`
	// Object is the kind of the object that violates, "" for none.
	Object Kind `json:"object,omitempty"`
	// Fault is the kind of the fault between the acknowledgement and the contradicting
	// answer, "" for none.
	Fault FaultKind `json:"fault,omitempty"`
	// Surfaces is true if the missing value was seen again later.
	Surfaces bool `json:"surfaces,omitempty"`
}

// IsZero reports whether no guarantee broke.
func (g Guarantee) IsZero() bool { return g == Guarantee{} }

// String is the guarantee in a sentence, "" for none.
func (g Guarantee) String() string { return Sentences.say(g) }

// About is the guarantee in a sentence that begins with the kind of its object.
func (g Guarantee) About() string {
	if g.Object == "" {
		return g.String()
	}
	return string(g.Object) + ": " + g.String()
}

// Key is a stable text of all that tells the guarantee from others. It is no sentence.
func (g Guarantee) Key() string {
	return fmt.Sprintf("%s operation=%s object=%s fault=%s", g.Code, g.Operation, g.Object, g.Fault)
}

// Covers reports whether a violation of other is one of g, which was recorded before: the
// same guarantee, of the same kind of operation, after the same fault or none. One cause
// may show on objects of several kinds.
func (g Guarantee) Covers(other Guarantee) bool {
	return !g.IsZero() && g.Code == other.Code && g.Operation == other.Operation && (other.Fault == "" || other.Fault == g.Fault)
}

// UnmarshalJSON refuses codes that are not known.
func (g *Guarantee) UnmarshalJSON(text []byte) error {
	type plain Guarantee
	var p plain
	if err := exactjson.Unmarshal(text, &p); err != nil {
		return err
	}
	if !p.Code.Known() {
		return fmt.Errorf("no guarantee has the code %.80q: the file is of a newer version, or was edited", p.Code)
	}
	*g = Guarantee(p)
	return nil
}
