package model

import (
	"encoding/json"
	"fmt"
)

// KindOf is the kind of object that a service serves; false if it serves none.
func KindOf(service string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.Service() == service {
			return k, true
		}
	}
	return "", false
}

// ParseRequest reads an operation as it goes over the wire: the service, the
// handler, and the body that [Operation.Request] gives. Bodies that no operation
// has (negative additions, empty strings, fields that are missing) are errors.
func ParseRequest(service, handler string, body []byte) (Operation, error) {
	kind, known := KindOf(service)
	if !known {
		return nil, fmt.Errorf("request: no object is served by %q", service)
	}
	args, err := requestArguments(handler, body)
	if err != nil {
		return nil, fmt.Errorf("request %s/%s %.80q: %w", service, handler, body, err)
	}
	op, err := parsers[kind](handler, args)
	if err != nil {
		return nil, fmt.Errorf("request %s/%s %.80q: %w", service, handler, body, err)
	}
	return op, nil
}

// requestArguments puts a body into the form in which operations are written.
func requestArguments(handler string, body []byte) (arguments, error) {
	if len(body) == 0 {
		return nil, nil
	}
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, err
	}
	var fields []string
	switch handler {
	case "set":
		fields = []string{"key", "value"}
	case "compareAndSet":
		fields = []string{"expect", "value"}
	default:
		return arguments{raw}, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	args := make(arguments, len(fields))
	for i, f := range fields {
		args[i] = object[f] // a missing one is refused as no string
	}
	return args, nil
}
