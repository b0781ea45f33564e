package checker_test

import (
	"fmt"
	"os"
	"strings"

	"retain/checker"
	"retain/model"
)

// lostWrite is a history: v1 was acknowledged, the server was killed, and the read
// after it answers the initial value.
const lostWrite = `{"e":"header","version":1,"run":"r1","runtime":"my-database 1.0"}
{"e":"call","seq":1,"ns":1000000,"id":1,"process":"0","phase":"program","object":"register-0","op":"write(\"v1\")"}
{"e":"return","seq":2,"ns":2000000,"id":1,"outcome":"ok","answer":"ok"}
{"e":"fault","seq":3,"ns":3000000,"kind":"kill"}
{"e":"fault-end","seq":4,"ns":4000000,"kind":"kill"}
{"e":"call","seq":5,"ns":5000000,"id":2,"process":"1","phase":"program","object":"register-0","op":"read()"}
{"e":"return","seq":6,"ns":6000000,"id":2,"outcome":"ok","answer":"\"\""}
{"e":"end","seq":7,"ns":7000000}
`

// A violation names the object, the guarantee, the procedure that decided, and the
// operations that contradict each other.
func ExampleCheck() {
	h, err := model.ReadHistory(strings.NewReader(lostWrite))
	if err != nil {
		fmt.Println(err)
		return
	}
	result := checker.Check(h, checker.Options{})
	fmt.Println(result.Verdict)
	for _, o := range result.Objects {
		fmt.Println(o.Object, "-", o.Guarantee)
		fmt.Println("by", o.Resolved.By, "- operations", o.Proof)
	}
	// Output:
	// violation
	// register-0 - an acknowledged write is missing after a kill
	// by zones - operations [1 2]
}

// An ambiguous write may have had its effect, may have it later, or never. So both
// answers of the read pass.
func ExampleCheck_ambiguous() {
	ambiguous := strings.Replace(lostWrite, `"outcome":"ok","answer":"ok"`, `"outcome":"ambiguous","reason":"timed-out"`, 1)
	for _, answer := range []string{`"\"\""`, `"\"v1\""`} {
		h, err := model.ReadHistory(strings.NewReader(strings.Replace(ambiguous, `"\"\""`, answer, 1)))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer, checker.Check(h, checker.Options{}).Verdict)
	}
	// Output:
	// "\"\"" pass
	// "\"v1\"" pass
}

// A witness is the minimal history of a violation: no operation can be left out. Here
// the read of another register is.
func ExampleWitness() {
	other := `{"e":"call","seq":7,"ns":7000000,"id":3,"process":"1","phase":"program","object":"register-1","op":"read()"}
{"e":"return","seq":8,"ns":8000000,"id":3,"outcome":"ok","answer":"\"\""}
{"e":"end","seq":9,"ns":9000000}
`
	longer, _, _ := strings.Cut(lostWrite, `{"e":"end"`)
	h, err := model.ReadHistory(strings.NewReader(longer + other))
	if err != nil {
		fmt.Println(err)
		return
	}
	witness, err := checker.Witness(h, checker.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for _, o := range witness.Operations {
		fmt.Println(o.Object, o.Op, o.Outcome, o.Answer)
	}
	// Output:
	// register-0 write("v1") ok ok
	// register-0 read() ok ""
}
