package generators_test

import (
	"fmt"

	"retain/generators"
	"retain/model"
)

// A plan is text that a person reads and edits.
func ExampleEncode() {
	fmt.Printf("%s", generators.Encode(generators.StartAndStop(model.Kill)))
	// Output:
	// {"version":1,"seed":"0","number":0,"config":{},"steps":[
	//   {"id":1,"client":0,"do":"counter-0 add(1)"},
	//   {"id":2,"fault":"kill"},
	//   {"id":3,"fault":"start"},
	//   {"id":4,"client":0,"do":"counter-0 add(2)"},
	//   {"id":5,"client":0,"do":"counter-0 get()"}
	// ]}
}

// An error in a file is one line, with line and column.
func ExampleDecode() {
	_, err := generators.Decode([]byte(`{"version":1,"steps":[
	  {"id":1,"client":0,"do":"counter-0 add(1)"},
	  {"id":2,"fault":"kill","gate":"after","stop":1}
	]}`))
	fmt.Println(err)

	_, err = generators.Decode([]byte(`{"version":1,"steps":[
	  {"id":1,"client":0,"do":"counter-0 add(-1)"}
	]}`))
	fmt.Println(err)
	// Output:
	// line 3:42: step 2 has no field "stop"
	// step 1 (id 1): operation "add(-1)" of a counter: -1 is not an integer from 0 to 2^53
}

// The same seed and number are the same plan.
func ExampleDraw() {
	first := generators.Draw(8123, 17, generators.Options{})
	again := generators.Draw(8123, 17, generators.Options{})
	fmt.Println(string(generators.Encode(first)) == string(generators.Encode(again)))
	// Output: true
}
