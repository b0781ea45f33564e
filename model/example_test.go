package model_test

import (
	"fmt"
	"strings"

	"retain/model"
)

// An operation is its own specification: it says what a correct runtime answers.
func ExampleOperation() {
	state := model.Counter.Initial()
	for _, text := range []string{"add(1)", "addThenFail(2)", "get()"} {
		op, err := model.ParseOperation(model.Counter, text)
		if err != nil {
			fmt.Println(err)
			return
		}
		var answer model.Answer
		state, answer = op.Apply(state)
		fmt.Println(op, "answers", answer)
	}
	// Output:
	// add(1) answers 0->1
	// addThenFail(2) answers error(500)
	// get() answers 3
}

// A history whose last line a kill cut off is read up to there, with Damage set.
func ExampleReadHistory() {
	file := `{"e":"header","version":1,"run":"r1","runtime":"simulated"}
{"e":"call","seq":1,"ns":10,"id":1,"process":"0","phase":"program","object":"counter-0","op":"add(1)"}
{"e":"return","seq":2,"ns":20,"id":1,"outcome":"ok","answer":"0->1"}
{"e":"call","seq":3,"ns":30,"id":2,"proc`
	h, err := model.ReadHistory(strings.NewReader(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range h.Operations {
		fmt.Println(o.Process, o.Object, o.Op, o.Outcome, o.Answer)
	}
	fmt.Println(h.Damage)
	// Output:
	// 0 counter-0 add(1) ok 0->1
	// line 4 is cut off after 40 bytes: the run was killed while it wrote it
}
