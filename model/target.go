package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Target is what a fault is done to: "" is the server, all of it; "node-2" one of its
// nodes, counted from 0; "service" the deployment that it calls.
type Target string

// ServiceTarget is the deployment that the server calls.
const ServiceTarget Target = "service"

const nodeTarget = "node-"

// Node is the number of the node, false if the target is none.
func (t Target) Node() (int, bool) {
	text, is := strings.CutPrefix(string(t), nodeTarget)
	n, err := strconv.Atoi(text)
	if !is || err != nil || n < 0 || strconv.Itoa(n) != text {
		return 0, false
	}
	return n, true
}

// Validate reports a target that no fault can have.
func (t Target) Validate() error {
	if _, node := t.Node(); t == "" || t == ServiceTarget || node {
		return nil
	}
	return fmt.Errorf("target %.40q: want node-0 (or another number) or service, or nothing for the server", string(t))
}
