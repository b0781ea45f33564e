package cli

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"retain/internal/printable"

	"github.com/agnivade/levenshtein"
)

// selectedEntryPoints are the entry points that -run and -skip select; all of them without -run.
func selectedEntryPoints() []entryPoint {
	run, skip := runPattern(), skipPattern()
	return slices.DeleteFunc(entryPoints(), func(e entryPoint) bool {
		return !run.selects(e.test()) || skip.skips(e.test())
	})
}

// runs reports whether -run and -skip select the entry point of a word.
func runs(word string) bool {
	return slices.ContainsFunc(selectedEntryPoints(), func(e entryPoint) bool { return e.word == word })
}

// runsByName reports whether this process runs tests that -run names: it lists,
// benchmarks and fuzzes nothing.
func runsByName() bool {
	return flagValue("test.run") != "" && flagValue("test.list") == "" && flagValue("test.bench") == "" && flagValue("test.fuzz") == ""
}

// checkNames refuses a -run that matches no test, or no case of an entry point, which go
// test calls a pass. A pattern that matches the empty name, such as ^$, selects nothing
// on purpose.
func checkNames() error {
	run := runPattern()
	if !runsByName() || run == nil || run.selects("") {
		return nil
	}
	selected := slices.DeleteFunc(entryPoints(), func(e entryPoint) bool { return !run.selects(e.test()) })
	for _, e := range selected {
		if e.cases == nil || len(e.cases()) == 0 || run.selectsAnyOf(e.test(), e.cases()) {
			return nil
		}
	}
	if len(otherTests(run)) > 0 {
		return nil
	}
	if len(selected) == 0 {
		return fmt.Errorf("-run %s matches no test: %s", flagValue("test.run"), suggestion(flagValue("test.run"), EntryPoints()))
	}
	e := selected[0]
	return fmt.Errorf("-run %s matches no case of %s: %s", flagValue("test.run"), e.word, suggestion(flagValue("test.run"), casePaths(e)))
}

// casePaths are the values of -run that select one case of an entry point each.
func casePaths(e entryPoint) (out []string) {
	for _, name := range e.cases() {
		out = append(out, e.word+"/"+name)
	}
	return out
}

// checkArguments refuses a command line whose entry points all lack a flag. They would
// be skipped, which go test calls a pass.
func checkArguments() error {
	all := selectedEntryPoints()
	if !runsByName() || len(all) == 0 {
		return nil
	}
	var missing []string
	for _, e := range all {
		what := ""
		if e.missing != nil {
			what = e.missing()
		}
		if what == "" {
			return nil
		}
		missing = append(missing, fmt.Sprintf("-run %s needs %s", e.word, what))
	}
	return fmt.Errorf("%s", strings.Join(missing, "; "))
}

// checkReaders refuses a flag that no selected test reads. Other tests than the entry
// points may read those of a session.
func checkReaders() error {
	all := selectedEntryPoints()
	own := sync.OnceValue(func() bool {
		return !runsByName() || runPattern().selects("") || len(otherTests(runPattern())) > 0
	})
	for _, name := range givenFlags() {
		var readers []string
		for _, e := range entryPoints() {
			if slices.Contains(e.reads, name) {
				readers = append(readers, "-run "+e.word)
			}
		}
		read := slices.ContainsFunc(all, func(e entryPoint) bool { return slices.Contains(e.reads, name) })
		usual := slices.Contains(sessionFlags, name) || slices.Contains(drawFlags, name) || name == "shrink.budget"
		if readers == nil || read || usual && own() {
			continue
		}
		return fmt.Errorf("-%s is read by %s, which is not what -run says: leave it out", name, printable.List(readers, "or"))
	}
	return nil
}

// otherTests are the tests that -run selects beside the entry points. Package testing has
// no function that lists tests, so this program is run with -test.list.
func otherTests(run pattern) []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	list, err := exec.Command(self, "-test.list=.").Output()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(strings.Fields(string(list)), func(name string) bool {
		isEntry := slices.ContainsFunc(entryPoints(), func(e entryPoint) bool { return e.test() == name })
		return isEntry || strings.HasPrefix(name, "Benchmark") || !run.selects(name)
	})
}

// suggestion is a value for a -run that matches nothing.
func suggestion(given string, words []string) string {
	plain := strings.TrimPrefix(strings.Trim(given, "^$"), "Test")
	best, distance := "", len(plain)
	for _, w := range words {
		if d := levenshtein.ComputeDistance(strings.ToLower(plain), strings.ToLower(w)); d < distance {
			best, distance = w, d
		}
	}
	if best != "" && distance <= max(2, len(best)/3) {
		return fmt.Sprintf("did you mean -run %s?", best)
	}
	if len(words) == 0 {
		return "there is none"
	}
	return "want " + printable.List(words, "or")
}
