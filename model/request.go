package model

import (
	"encoding/json"
	"fmt"

	"retain/internal/exactjson"
)

// ParseRequest reads an operation as it goes over the wire: the service, the
// handler, and the body that [Operation.Request] gives. Bodies that no operation
// has (negative additions, empty strings, fields that are missing) are errors.
func ParseRequest(service, handler string, body []byte) (Operation, error) {
	kind, known := KindOf(service)
	if !known {
		return nil, fmt.Errorf("request: no object is served by %.80q", service)
	}
	args, err := requestArguments(kind, handler, body)
	if err != nil {
		return nil, fmt.Errorf("request %s/%s %.80q: %w", service, handler, body, err)
	}
	op, err := kind.Spec().Parse(handler, args)
	if err != nil {
		return nil, fmt.Errorf("request %s/%s %.80q: %w", service, handler, body, err)
	}
	return op, nil
}

// requestArguments puts a body into the form in which operations are written.
func requestArguments(kind Kind, handler string, body []byte) (Arguments, error) {
	if len(body) == 0 {
		return nil, nil
	}
	if err := exactjson.Check(body); err != nil {
		return nil, err
	}
	raw := json.RawMessage(body)
	var fields []string
	for _, h := range kind.Spec().Handlers {
		if h.Name == handler {
			fields = h.Fields
		}
	}
	if fields == nil {
		return Arguments{raw}, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	args := make(Arguments, len(fields))
	for i, f := range fields {
		args[i] = object[f] // a missing one is refused as no string
	}
	return args, nil
}
