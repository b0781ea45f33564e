package model

// Awaking is how an operation has to do with an awakeable, instead of calling a handler and waiting
// for it. The zero value is that of every other operation.
type Awaking struct {
	// Published is the read whose answer has the awakeable's number and id: see
	// [DecodePublished]. It is nil for an operation that calls.
	Published Operation
	// Completion is what the operation completes the awakeable with; nil if it sends the
	// invocation that publishes and awaits it.
	Completion *Completion
}

// AwakingOf is how an operation has to do with an awakeable.
func AwakingOf(op Operation) Awaking {
	if of := op.Kind().Spec().Awaking; of != nil {
		return of(op)
	}
	return Awaking{}
}

// Waiting is about invocations that stay open until other operations end them.
type Waiting struct {
	// End are operations that end what those on an object, in the order of their calls, may
	// have left open.
	End func(on []Invoked) []Operation
	// Ended are reads that wait for what was ended: each is answered, for an operation that
	// ends its invocation was acknowledged.
	Ended func(on []Invoked) []Operation
}
