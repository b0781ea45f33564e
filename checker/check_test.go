package checker

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// knownHistories are histories on which a checker went wrong or may, with the result that
// is right.
var knownHistories = []struct {
	name      string
	history   string
	verdict   Verdict
	guarantee string
	class     Class
	proof     []int
	stranger  *Stranger
}{
	{
		name: "the case it grew from: add 1, stop, start, add 2, read 3",
		history: `0 counter-0 1 2 add(1) => 0->1
			stop 3 4
			0 counter-0 5 6 add(2) => 1->3
			0 counter-0 7 8 get() => 3`,
		verdict: Pass,
	},
	{
		name: "a timed-out add(2) that was applied: 3",
		history: `0 counter-0 1 2 add(1) => 0->1
			kill 3 4
			0 counter-0 5 ? add(2)
			0.1 counter-0 7 8 get() => 3`,
		verdict: Pass,
	},
	{
		name: "a timed-out add(2) that was not applied: 1",
		history: `0 counter-0 1 2 add(1) => 0->1
			kill 3 4
			0 counter-0 5 ? add(2)
			0.1 counter-0 7 8 get() => 1`,
		verdict: Pass,
	},
	{
		name: "a timed-out add(2) that is applied between two reads",
		history: `0 counter-0 1 2 add(1) => 0->1
			kill 3 4
			0 counter-0 5 ? add(2)
			0.1 counter-0 7 8 get() => 1
			0.1 counter-0 9 10 get() => 3`,
		verdict: Pass,
	},
	{
		name: "a timed-out add(2) that is gone again",
		history: `0 counter-0 1 2 add(1) => 0->1
			0 counter-0 5 ? add(2)
			0.1 counter-0 7 8 get() => 3
			kill 9 10
			0.1 counter-0 11 12 get() => 1`,
		verdict: Violation, guarantee: "a read went back to an older value after a kill", class: StateGuarantee,
		proof: []int{3, 4},
	},
	{
		name: "a lost acknowledged add, and the same value again by another",
		history: `0 counter-0 1 2 add(1) => 0->1
			kill 3 4
			1 counter-0 5 6 add(1) => 0->1
			1 counter-0 7 8 get() => 1`,
		verdict: Violation, guarantee: "an acknowledged add is missing after a kill", class: StateGuarantee,
		proof: []int{1, 2},
	},
	{
		name: "a read that misses an add which later ones show",
		history: `0 counter-0 1 2 add(1) => 0->1
			kill 3 4
			1 counter-0 5 6 get() => 0
			1 counter-0 7 8 add(1) => 1->2`,
		verdict: Violation, guarantee: "a read went back to an older value after a kill", class: StateGuarantee,
		proof: []int{1, 2},
	},
	{
		name: "a write acknowledged while the server stops is lost by the stop",
		history: `0 list-0 1 4 append("a") => ok
			stop 3 6
			1 list-0 7 8 get() => []`,
		verdict: Violation, guarantee: "an acknowledged append is missing after a stop", class: StateGuarantee,
	},
	{
		name: "a write is lost when the service crashes",
		history: `0 list-0 1 2 append("a") => ok
			crash 3 4
			1 list-0 5 6 get() => []`,
		verdict: Violation, guarantee: "an acknowledged append is missing after a crash of the service", class: StateGuarantee,
	},
	{
		name: "a write is lost while the service is frozen",
		history: `0 list-0 1 2 append("a") => ok
			freeze 3 4
			thaw 5 6
			1 list-0 7 8 get() => []`,
		verdict: Violation, guarantee: "an acknowledged append is missing after a freeze of the service", class: StateGuarantee,
	},
	{
		name: "what ends the server is named before what is done to the service",
		history: `0 list-0 1 2 append("a") => ok
			stop 3 4
			start 5 6
			freeze 7 8
			thaw 9 10
			1 list-0 11 12 get() => []`,
		verdict: Violation, guarantee: "an acknowledged append is missing after a stop", class: StateGuarantee,
	},
	{
		name: "what a stopping server answers it does not answer after the stop",
		history: `0 list-0 1 4 append("a") => ok
			stop 3 9
			1 list-0 5 6 get() => []`,
		verdict: Violation, guarantee: "an acknowledged append is missing", class: StateGuarantee,
	},
	{
		name: "a lost acknowledged add",
		history: `0 counter-0 1 2 add(2) => 0->2
			kill 3 4
			1 counter-0 5 6 get() => 0`,
		verdict: Violation, guarantee: "an acknowledged add is missing after a kill", class: StateGuarantee,
		proof: []int{1, 2},
	},
	{
		name: "an addThenFail that answered keeps its addition",
		history: `0 counter-0 1 2 addThenFail(2) => error(500)
			1 counter-0 5 6 get() => 0`,
		verdict: Violation, guarantee: "an acknowledged add is missing", class: StateGuarantee, proof: []int{1, 2},
	},
	{
		name: "WAL off: the re-send would repair the loss, the look before it shows it",
		history: `0 counter-0 1 ? @12 add(1) => 0->1
			1 counter-0 3 4 get() => 1
			kill 5 6
			look counter-0 7 8 get() => 0
			closing counter-0 13 14 get() => 1`,
		verdict: Violation, guarantee: "a read went back to an older value after a kill", class: StateGuarantee,
		proof: []int{2, 3},
	},
	{
		name: "WAL off: without the look it passes, which is why there is one",
		history: `0 counter-0 1 ? @12 add(1) => 0->1
			1 counter-0 3 4 get() => 1
			kill 5 6
			closing counter-0 13 14 get() => 1`,
		verdict: Pass,
	},
	{
		name: "one key, one effect: only the resolved view is illegal",
		history: `0 register-0 1 ? @4 write("a") => ok
			1 register-0 5 6 write("b") => ok
			1 register-0 7 8 read() => "a"`,
		verdict: Violation, guarantee: "one idempotency key had two effects", class: OneEffect, proof: []int{1, 2, 3},
	},
	{
		name: "what a re-send acknowledged was lost: no second effect explains that",
		history: `0 register-0 1 ? @4 write("a") => ok
			kill 5 6
			closing register-0 7 8 read() => ""`,
		verdict: Violation, guarantee: "an acknowledged write is missing after a kill", class: StateGuarantee, proof: []int{1, 2},
	},
	{
		name: "a look-up executes nothing: the value that it showed was lost",
		history: `0 register-0 1 ? %4 write("a") => ok
			1 register-0 5 6 write("b") => ok
			1 register-0 7 8 read() => "a"`,
		verdict: Violation, guarantee: "an acknowledged write is missing", class: StateGuarantee, proof: []int{1, 2, 3},
	},
	{
		name: "a read that is sent again has no effect: the value that it saw was lost",
		history: `0 list-0 1 ? append("v5")
			1 list-0 3 ? @4 get() => ["v5"]
			kill 5 6
			2 list-0 7 8 get() => []`,
		verdict: Violation, guarantee: "a read went back to an older value after a kill", class: StateGuarantee,
	},
	{
		name: "a look-up does not hide that another operation took effect twice",
		history: `0 register-0 1 ? %4 write("c") => ok
			1 register-0 5 ? @8 write("a") => ok
			2 register-0 9 10 write("b") => ok
			2 register-0 11 12 read() => "a"`,
		verdict: Violation, guarantee: "one idempotency key had two effects", class: OneEffect,
	},
	{
		name: "two compare-and-sets replaced a value that was written again: no guarantee of its own",
		history: `0 register-0 1 2 write("x") => ok
			0 register-0 3 4 compareAndSet("x","a") => "x"
			0 register-0 5 6 write("x") => ok
			0 register-0 7 8 compareAndSet("x","b") => "x"
			0 register-0 9 10 compareAndSet("x","c") => "x"`,
		verdict: Violation, guarantee: "an acknowledged compare-and-set is missing", class: StateGuarantee,
	},
	{
		name: "an element that was appended twice may be removed twice",
		history: `0 list-0 1 2 append("a") => ok
			0 list-0 3 4 clear() => ["a"]
			0 list-0 5 6 append("a") => ok
			0 list-0 7 8 clear() => ["a"]
			0 list-0 9 10 clear() => ["a"]`,
		verdict: Violation, guarantee: "what an acknowledged clear had removed came back", class: StateGuarantee,
	},
	{
		name: "an element that was appended twice may stand there twice, but not behind another that came later",
		history: `0 list-0 1 2 append("a") => ok
			0 list-0 3 4 append("a") => ok
			0 list-0 5 6 append("b") => ok
			0 list-0 7 8 get() => ["b","a","a"]`,
		verdict: Violation, guarantee: "the answers fit no order of the operations", class: StateGuarantee,
	},
	{
		name: "two additions that counted from the same value did not answer the same step",
		history: `0 counter-0 1 4 add(1) => 0->1
			1 counter-0 2 5 add(2) => 0->2`,
		verdict: Violation, guarantee: "the answers fit no order of the operations", class: StateGuarantee, proof: []int{1, 2},
	},
	{
		name: "a counter that skips what it can't skip has not counted more than was added",
		history: `0 counter-0 1 ? add(3)
			1 counter-0 2 ? add(7)
			2 counter-0 3 4 get() => 5`,
		verdict: Violation, guarantee: "the answers fit no order of the operations", class: StateGuarantee, proof: []int{3},
	},
	{
		name: "a counter that went on where it can't go on has not gone back",
		history: `0 counter-0 1 ? add(3)
			1 counter-0 2 ? add(7)
			2 counter-0 3 4 get() => 3
			2 counter-0 5 6 get() => 7`,
		verdict: Violation, guarantee: "the answers fit no order of the operations", class: StateGuarantee, proof: []int{3, 4},
	},
	{
		name: "an addition that found an old value is no read",
		history: `0 counter-0 1 ? add(2)
			1 counter-0 3 4 get() => 2
			kill 5 6
			1 counter-0 7 8 add(1) => 0->1`,
		verdict: Violation, guarantee: "an answer went back to an older value after a kill", class: StateGuarantee, proof: []int{2, 3},
	},
	{
		name: "one operation alone took effect twice, its first effect unanswered, and another was answered by its first",
		history: `0 counter-0 18 32 add(1) => 2->3
			1 counter-0 24 ? @60 add(2) => 5->7
			2 counter-0 30 ? @88 add(2) => 3->5`,
		verdict: Violation, guarantee: "one idempotency key had two effects", class: OneEffect,
	},
	{
		name: "a map has one class: a second clearAll explains one entry, and nobody wrote the other",
		history: `0 map-0 1 2 set("y","v2") => ok
			1 map-0 3 ? @8 clearAll() => {"x":"v1"}`,
		verdict: Violation, guarantee: "a value appeared that nobody wrote", class: StateGuarantee, proof: []int{2},
		stranger: &Stranger{Value: "v1"},
	},
	{
		name: "two clears removed the same value, which one append put there twice",
		history: `0 list-0 1 ? @20 append("a") => ok
			1 list-0 2 3 clear() => ["a"]
			1 list-0 22 23 clear() => ["a"]`,
		verdict: Violation, guarantee: "one idempotency key had two effects", class: OneEffect,
	},
	{
		name: "one key, two effects that a counter shows",
		history: `0 counter-0 1 ? @4 add(1) => 1->2
			1 counter-0 5 6 get() => 2`,
		verdict: Violation, guarantee: "one idempotency key had two effects", class: OneEffect,
	},
	{
		name: "one key, two effects that a list shows",
		history: `0 list-0 1 ? @4 append("a") => ok
			1 list-0 5 6 get() => ["a","a"]`,
		verdict: Violation, guarantee: "one idempotency key had two effects", class: OneEffect,
		stranger: &Stranger{Value: "a", Writers: []int{1}},
	},
	{
		name: "a second effect comes after the operation was sent again: what a clear removed came back before that",
		history: `0 list-0 1 ? @20 append("a") => ok
			1 list-0 5 6 clear() => ["a"]
			kill 7 8
			1 list-0 9 10 get() => ["a"]`,
		verdict: Violation, guarantee: "what an acknowledged clear had removed came back after a kill", class: StateGuarantee,
	},
	{
		name: "what a clear removed comes back over a kill: that is a loss, although it was sent again before",
		history: `0 list-0 1 ? @4 append("a") => ok
			1 list-0 5 6 clear() => ["a"]
			kill 7 8
			1 list-0 9 10 get() => ["a"]`,
		verdict: Violation, guarantee: "what an acknowledged clear had removed came back after a kill", class: StateGuarantee,
	},
	{
		name: "a counter counts too much before the addition is sent again",
		history: `0 counter-0 1 ? @20 add(1) => 0->1
			1 counter-0 5 6 get() => 2`,
		verdict: Violation, guarantee: "a counter counted more than was added", class: StateGuarantee,
	},
	{
		name: "and after it: the second effect brings it back",
		history: `0 list-0 1 ? @8 append("a") => ok
			1 list-0 5 6 clear() => ["a"]
			1 list-0 9 10 get() => ["a"]`,
		verdict: Violation, guarantee: "one idempotency key had two effects", class: OneEffect,
	},
	{
		name: "a reset that is lost, and an addition that is sent again later",
		history: `0 counter-0 1 ? @20 add(1) => 0->1
			1 counter-0 5 6 get() => 1
			1 counter-0 7 8 reset() => ok
			kill 9 10
			1 counter-0 11 12 get() => 1`,
		verdict: Violation, guarantee: "what an acknowledged clear had removed came back after a kill", class: StateGuarantee,
	},
	{
		name: "an add is missing, and was before it that a reset removed another",
		history: `0 counter-0 1 2 add(1) => 0->1
			0 counter-0 3 4 reset() => ok
			0 counter-0 5 6 add(1) => 0->1
			kill 7 8
			1 counter-0 9 10 get() => 0
			1 counter-0 11 12 get() => 1`,
		verdict: Violation, guarantee: "a read went back to an older value after a kill", class: StateGuarantee,
	},
	{
		name: "an append that was sent once had two effects",
		history: `0 list-0 1 2 append("a") => ok
			1 list-0 5 6 get() => ["a","a"]`,
		verdict: Violation, guarantee: "one append had two effects", class: StateGuarantee,
		stranger: &Stranger{Value: "a", Writers: []int{1}},
	},
	{
		name: "w(1), ambiguous cas(1->2), read 2",
		history: `0 register-0 1 2 write("1") => ok
			1 register-0 3 ? compareAndSet("1","2")
			0 register-0 5 6 read() => "2"`,
		verdict: Pass,
	},
	{
		name: "an ambiguous compare-and-set expects it, and its own value has two writers",
		history: `0 register-0 1 ? compareAndSet("","a")
			1 register-0 2 ? compareAndSet("a","b")
			2 register-0 3 4 read() => "b"
			2 register-0 5 ? write("b")`,
		verdict: Pass,
	},
	{
		name: "an ambiguous clearAll covers a set that nobody saw",
		history: `1 map-0 1 7 set("k0","v1") => ok
			0 map-0 2 3 set("k1","v2") => ok
			2 map-0 4 ? clearAll()
			3 map-0 5 6 clearAll() => {}
			3 map-0 9 11 clearAll() => {}`,
		verdict: Pass,
	},
	{
		name: "an ambiguous clearAll covers a set, on an empty map",
		history: `1 map-0 2 ? clearAll()
			2 map-0 3 9 set("k1","v1") => ok
			0 map-0 5 7 set("k0","v2") => ok
			3 map-0 11 12 clearAll() => {"k0":"v2"}`,
		verdict: Pass,
	},
	{
		name: "a reset that changes nothing is still needed",
		history: `0 counter-0 1 20 reset() => ok
			1 counter-0 2 3 add(1) => 0->1
			1 counter-0 4 5 add(1) => 0->1`,
		verdict: Pass,
	},
	{
		name: "one clear, however long it is open, serves one compare-and-set",
		history: `0 register-0 1 2 write("a") => ok
			1 register-0 3 20 clear() => ok
			0 register-0 4 5 compareAndSet("","b") => ""
			0 register-0 6 7 compareAndSet("","c") => ""`,
		verdict: Violation, guarantee: "an acknowledged compare-and-set is missing", class: StateGuarantee,
	},
	{
		name: "add 0>3, reset, add 0>2",
		history: `0 counter-0 1 2 add(3) => 0->3
			0 counter-0 3 4 reset() => ok
			0 counter-0 5 6 add(2) => 0->2`,
		verdict: Pass,
	},
	{
		name: "add 0>3, no reset, add 0>2",
		history: `0 counter-0 1 2 add(3) => 0->3
			0 counter-0 5 6 add(2) => 0->2`,
		verdict: Violation, guarantee: "an acknowledged add is missing", class: StateGuarantee, proof: []int{1, 2},
	},
	{
		name: "two successful compare-and-sets on the initial value, with a clear",
		history: `0 register-0 1 2 compareAndSet("","a") => ""
			0 register-0 3 4 clear() => ok
			0 register-0 5 6 compareAndSet("","b") => ""`,
		verdict: Pass,
	},
	{
		name: "two successful compare-and-sets on the initial value, without",
		history: `0 register-0 1 4 compareAndSet("","a") => ""
			1 register-0 3 6 compareAndSet("","b") => ""`,
		verdict: Violation, guarantee: "the answers fit no order of the operations", class: StateGuarantee, proof: []int{1, 2},
	},
	{
		name: "two successful compare-and-sets on one value",
		history: `0 register-0 1 2 write("x") => ok
			0 register-0 3 6 compareAndSet("x","a") => "x"
			1 register-0 4 7 compareAndSet("x","b") => "x"`,
		verdict: Violation, guarantee: "two compare-and-sets both replaced the same value", class: StateGuarantee,
		proof: []int{2, 3},
	},
	{
		name: "a stale read that later reads contradict",
		history: `0 register-0 1 2 write("a") => ok
			0 register-0 3 4 write("b") => ok
			stop 5 6
			0 register-0 7 8 read() => "a"
			0 register-0 9 10 read() => "b"`,
		verdict: Violation, guarantee: "a read went back to an older value after a stop", class: StateGuarantee,
		proof: []int{1, 2, 3},
	},
	{
		name: "a phantom",
		history: `0 register-0 1 2 write("a") => ok
			0 register-0 3 4 read() => "b"`,
		verdict: Violation, guarantee: "a value appeared that nobody wrote", class: StateGuarantee, proof: []int{2},
	},
	{
		name: "another object's value",
		history: `0 register-1 1 2 write("b") => ok
			0 register-0 3 4 read() => "b"`,
		verdict: Violation, guarantee: "a value appeared that was written to another object", class: StateGuarantee,
	},
	{
		name: "another key's value",
		history: `0 map-0 1 2 set("j","v") => ok
			0 map-0 3 4 get("k") => "v"`,
		verdict: Violation, guarantee: "a value appeared that was written under another key", class: StateGuarantee,
		stranger: &Stranger{Value: "v", Writers: []int{1}},
	},
	{
		name: "an operation that was never sent had an effect",
		history: `0 register-0 1 2! write("b")
			0 register-0 3 4 read() => "b"`,
		verdict: Violation, guarantee: "an operation that was never sent had an effect", class: StateGuarantee,
		stranger: &Stranger{Value: "b", Writers: []int{1}},
	},
	{
		name: "read before it was written",
		history: `0 register-0 1 2 read() => "b"
			0 register-0 3 4 write("b") => ok`,
		verdict: Violation, guarantee: "a value was read before it was written", class: StateGuarantee,
		stranger: &Stranger{Value: "b", Writers: []int{2}},
	},
	{
		name: "a cleared value came back",
		history: `0 register-0 1 2 write("b") => ok
			0 register-0 3 4 clear() => ok
			kill 5 6
			0 register-0 7 8 read() => "b"`,
		verdict: Violation, guarantee: "what an acknowledged clear had removed came back after a kill", class: StateGuarantee,
		proof: []int{1, 2, 3},
	},
	{
		name: "a list that lost an append",
		history: `0 list-0 1 2 append("a") => ok
			0 list-0 3 4 append("b") => ok
			kill 5 6
			0 list-0 7 8 get() => ["a"]`,
		verdict: Violation, guarantee: "an acknowledged append is missing after a kill", class: StateGuarantee, proof: []int{2, 3},
	},
	{
		name: "a list in another order than acknowledged",
		history: `0 list-0 1 2 append("a") => ok
			0 list-0 3 4 append("b") => ok
			0 list-0 7 8 get() => ["b","a"]`,
		verdict: Violation, guarantee: "the elements of a list are not in the order in which they were acknowledged",
		class: StateGuarantee,
	},
	{
		name: "a list that changed its order",
		history: `0 list-0 1 9 append("a") => ok
			1 list-0 2 10 append("b") => ok
			2 list-0 3 4 get() => ["b","a"]
			2 list-0 5 6 get() => ["a","b"]`,
		verdict: Violation, guarantee: "the elements of a list changed their order", class: StateGuarantee, proof: []int{3, 4},
	},
	{
		name: "a list that grew in its middle",
		history: `0 list-0 1 9 append("a") => ok
			1 list-0 2 10 append("b") => ok
			3 list-0 3 11 append("c") => ok
			2 list-0 4 5 get() => ["a","b"]
			2 list-0 6 7 get() => ["a","c","b"]`,
		verdict: Violation, guarantee: "the elements of a list changed their order", class: StateGuarantee, proof: []int{4, 5},
	},
	{
		name: "an append twice in a list",
		history: `0 list-0 1 2 append("a") => ok
			0 list-0 5 6 get() => ["a","a"]`,
		verdict: Violation, guarantee: "one append had two effects", class: StateGuarantee,
	},
	{
		name: "clearAll joins the entries: each entry alone has an order",
		history: `0 map-0 1 2 set("x","1") => ok
			0 map-0 3 4 set("y","2") => ok
			0 map-0 5 8 clearAll() => {"x":"1","y":"2"}
			1 map-0 6 7 get("x") => "1"
			2 map-0 9 10 get("y") => ""`,
		verdict: Pass,
	},
	{
		name: "clearAll is one instant: x is gone while y is still there",
		history: `0 map-0 1 2 set("x","1") => ok
			0 map-0 3 4 set("y","2") => ok
			0 map-0 5 20 clearAll() => {"x":"1","y":"2"}
			1 map-0 6 7 get("x") => ""
			1 map-0 8 9 get("y") => "2"`,
		verdict: Violation, guarantee: "a clearAll was seen half done", class: StateGuarantee, proof: []int{1, 2, 4, 5},
	},
	{
		name:    "a body that the contract does not have",
		history: `0 counter-0 1 2 get() => garbled("x")`,
		verdict: Violation, guarantee: "a successful answer had a body that the contract does not have", class: StateGuarantee,
		proof: []int{1},
	},
	{
		name: "a compare-and-set that did not match had an effect",
		history: `0 register-0 1 2 write("a") => ok
			0 register-0 3 4 compareAndSet("x","b") => "a"
			0 register-0 5 6 read() => "b"`,
		verdict: Violation, guarantee: "a compare-and-set that answered that it did not match had an effect",
		class: StateGuarantee,
	},
	{
		name: "two clears removed the same value",
		history: `0 list-0 1 2 append("a") => ok
			0 list-0 3 6 clear() => ["a"]
			1 list-0 4 7 clear() => ["a"]`,
		verdict: Violation, guarantee: "two clears both removed the same value", class: StateGuarantee, proof: []int{2, 3},
	},
	{
		name: "old clears are not part of a proof",
		history: `0 counter-0 1 2 reset() => ok
			0 counter-0 3 4 reset() => ok
			0 counter-0 5 6 reset() => ok
			0 counter-0 7 8 reset() => ok
			0 counter-0 9 10 reset() => ok
			0 counter-0 11 12 add(1) => 0->1
			kill 13 14
			0 counter-0 15 16 get() => 0`,
		verdict: Violation, guarantee: "an acknowledged add is missing after a kill", class: StateGuarantee, proof: []int{6, 7},
	},
	{
		name: "few clears are",
		history: `0 counter-0 1 2 reset() => ok
			0 counter-0 3 4 add(1) => 0->1
			0 counter-0 5 6 get() => 0`,
		verdict: Violation, guarantee: "an acknowledged add is missing", class: StateGuarantee, proof: []int{1, 2, 3},
	},
	{
		name:    "addThenFail has one error",
		history: `0 counter-0 1 2 addThenFail(1) => error(404)`,
		verdict: Violation, guarantee: "addThenFail answered another error than its own", class: StateGuarantee, proof: []int{1},
	},
	{
		name:    "addThenFail always fails",
		history: `0 counter-0 1 2 addThenFail(1) => ok`,
		verdict: Violation, guarantee: "addThenFail, which always fails, answered a success", class: StateGuarantee, proof: []int{1},
	},
	{
		name:    "a sum that is none",
		history: `0 counter-0 1 2 add(2) => 0->3`,
		verdict: Violation, class: StateGuarantee, proof: []int{1},
		guarantee: "an add answered a new value that is not the old one plus what it added",
	},
	{
		name:    "a negative counter",
		history: `0 counter-0 1 2 get() => -1`,
		verdict: Violation, guarantee: "a counter that only grows answered a negative value", class: StateGuarantee, proof: []int{1},
	},
	{
		name:    "an answer of another kind",
		history: `0 register-0 1 2 write("a") => 1`,
		verdict: Violation, guarantee: "an answer is not of the kind that its handler gives", class: StateGuarantee, proof: []int{1},
	},
	{
		name:    "an error that the contract does not have",
		history: `0 counter-0 1 2 get() => error(500)`,
		verdict: Violation, guarantee: "the handler answered an error that its contract does not have", class: StateGuarantee,
		proof: []int{1},
	},
}

func TestKnownHistoriesGetVerdictAndGuarantee(t *testing.T) {
	for _, s := range knownHistories {
		t.Run(s.name, func(t *testing.T) {
			h := history(t, s.history)
			r := Check(h, unhurried)
			require.Equal(t, s.verdict, r.Verdict, "%+v", r)
			var picture bytes.Buffer
			err := WritePicture(&picture, h, r)
			if s.verdict != Violation {
				assert.ErrorIs(t, err, ErrNothingToDraw)
				assert.Zero(t, picture.Len())
				return
			}
			require.NoError(t, err)
			broken := r.Broken()
			assert.Equal(t, s.guarantee, broken.Guarantee.String())
			assert.Equal(t, s.class, broken.Class)
			assert.Contains(t, picture.String(), broken.Guarantee.String())
			if s.proof != nil {
				assert.Equal(t, s.proof, broken.Proof)
			}
			if s.stranger != nil {
				assert.Equal(t, s.stranger, broken.Stranger)
			}
		})
	}
}

// An operation can't have been answered by a second effect that it was sent again for
// only after its answer.
func TestSecondEffectComesAfterTheSecondAttempt(t *testing.T) {
	h := history(t, `0 map-0 1 2 set("k0","v1") => ok
		1 map-0 3 6 clearAll() => {}
		2 map-0 4 10 get("k0") => ""
		stop 5 6
		kill 7 8`)
	for i, again := range []int64{1, 7} {
		o := &h.Operations[i]
		o.Key = "key"
		o.Attempts = []model.Attempt{
			{N: 1, Start: o.Call, End: model.Forever, Wrote: true, Reason: model.LeftOpen},
			{N: 2, Start: model.Instant{Seq: again}, End: model.Forever, Wrote: true, Reason: model.LeftOpen},
		}
	}
	broken := Check(h, unhurried).Broken()
	require.NotNil(t, broken)
	assert.Equal(t, StateGuarantee, broken.Class)
}

// The checker decides for each re-sent operation by itself whether it took effect twice,
// and which effect was answered: here the first one of operation 2 was not, and
// operation 3 was answered before it was sent again.
func TestSecondEffectsAreDecidedOperationByOperation(t *testing.T) {
	h := history(t, `0 counter-0 18 32 add(1) => 2->3
		1 counter-0 24 ? @60 add(2) => 5->7
		2 counter-0 30 ? @88 add(2) => 3->5`)
	h.Operations[1].Attempts[1].Start.Seq, h.Operations[2].Attempts[1].Start.Seq = 38, 62
	broken := Check(h, unhurried).Broken()
	assert.Equal(t, OneEffect, broken.Class)
	assert.Equal(t, model.TwoEffectsOfKey, broken.Guarantee.Code)
	h.Operations[1].Attempts[1].Start.Seq = 59
	assert.Equal(t, OneEffect, Check(h, unhurried).Broken().Class)
	h.Operations[0].Return.Seq = 23
	assert.Equal(t, StateGuarantee, Check(h, unhurried).Broken().Class, "2->3 came before either could add 2")
}

// An operation that the server refused is not reported as never sent.
func TestEffectOfRefusedOperationIsNamed(t *testing.T) {
	h := history(t, `0 register-0 1 2! write("b")
		0 register-0 3 4 read() => "b"`)
	h.Operations[0].Reason = model.Rejected
	h.Operations[0].Attempts = []model.Attempt{{N: 1, Start: h.Operations[0].Call, End: h.Operations[0].Return, Wrote: true, Status: 404, Reason: model.Rejected}}
	broken := Check(h, unhurried).Broken()
	assert.Equal(t, "an operation that the server refused had an effect", broken.Guarantee.String())
	assert.Equal(t, &Stranger{Value: "b", Writers: []int{1}}, broken.Stranger)
}

// TestForemostPutsTheViolationOfAKindFirst also checks the witness of that violation.
func TestForemostPutsTheViolationOfAKindFirst(t *testing.T) {
	h := history(t, `0 register-0 1 2 write("a") => ok
		0 counter-0 3 4 add(1) => 0->1
		0 list-0 5 6 append("b") => ok
		0 register-0 7 8 read() => ""
		0 counter-0 9 10 get() => 0
		0 list-0 11 12 get() => ["b"]`)
	r := Check(h, unhurried)
	register, counter, list := model.Object{Kind: model.Register}, model.Object{Kind: model.Counter}, model.Object{Kind: model.List}
	require.Equal(t, register, r.Broken().Object)

	told := r.Foremost(model.Counter)
	assert.Equal(t, counter, told.Broken().Object)
	assert.Equal(t, Violation, told.Verdict)
	assert.Equal(t, "counter-0: an acknowledged add is missing", told.Reason)
	assert.ElementsMatch(t, r.Objects, told.Objects)
	assert.Equal(t, r, r.Foremost(model.List), "an object that did not violate keeps its position")
	assert.Equal(t, register, r.Broken().Object, "the result itself stays")

	for _, o := range []model.Object{register, counter} {
		w, err := WitnessOf(h, o, Options{})
		require.NoError(t, err)
		for _, op := range w.Operations {
			assert.Equal(t, o, op.Object)
		}
	}
	_, err := WitnessOf(h, list, Options{})
	require.ErrorIs(t, err, errNoViolation)
}

func TestSharedGetSeesClearAllEntryByEntry(t *testing.T) {
	text := `0 map-0 1 2 set("x","1") => ok
		0 map-0 3 4 set("y","2") => ok
		0 map-0 5 20 clearAll() => {"x":"1","y":"2"}
		1 map-0 6 7 get("x") => ""
		1 map-0 8 9 get("y") => "2"`
	h := history(t, text)
	h.Shared = []string{"MapObject/get"}
	assert.Equal(t, Pass, Check(h, unhurried).Verdict)
	text += `
		1 map-0 21 22 get("y") => "2"`
	h = history(t, text)
	h.Shared = []string{"MapObject/get"}
	assert.Equal(t, Violation, Check(h, unhurried).Verdict)
}

func TestIllFormedHistoryIsNotJudged(t *testing.T) {
	h := history(t, `0 counter-0 1 2 add(1) => 0->1`)
	h.Operations[0].Return = model.Instant{Seq: 1, Ns: 1}
	r := Check(h, unhurried)
	assert.Equal(t, IllFormed, r.Verdict)
	assert.Contains(t, r.Reason, "not well-formed")
	assert.Nil(t, r.Objects)
}
