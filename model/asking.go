package model

// Asking is how an operation asks for the answer of another one, by its idempotency key,
// instead of calling a handler. The zero value is that of every other operation.
type Asking struct {
	// For is the operation whose answer is asked for; nil for an operation that calls.
	For Operation
	// Waits is true if the request is answered when that operation has ended ("attach"),
	// false if it is answered at once ("output").
	Waits bool
	// Early is true if it is asked as soon as a server that starts accepts connections,
	// before it is ready. That it knows nothing then is no evidence, unless it had answered
	// for the key before.
	Early bool
}

// AskingOf is how an operation asks for the answer of another one.
func AskingOf(op Operation) Asking {
	if of := op.Kind().Spec().Asking; of != nil {
		return of(op)
	}
	return Asking{}
}

// WaitedFor is the operation that an answer waits for: the one whose answer is asked for, or
// else the operation itself.
func WaitedFor(op Operation) Operation {
	if asks := AskingOf(op); asks.Waits {
		return asks.For
	}
	return op
}

// KeyOf is the idempotency key that an operation has by itself, unique on its object, "" for
// one that has none: its caller may choose one.
func KeyOf(op Operation) string {
	if of := op.Kind().Spec().Key; of != nil {
		return of(op)
	}
	return ""
}
