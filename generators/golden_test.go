package generators

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goldenPlans is how many plans of a configuration are hashed.
const goldenPlans = 1000

// golden names the configurations (see [measured]) whose plans are hashed: every option that changes
// what is drawn, and every situation, grouped by its kind and its fault.
func golden() (names []string, options map[string]func(i int) Options) {
	options = map[string]func(int) Options{}
	add := func(name string, of func(int) Options) {
		names = append(names, name)
		options[name] = of
	}
	always := func(o Options) func(int) Options { return func(int) Options { return o } }
	add("everything", always(Options{}))
	add("unresolved", always(Options{Unresolved: true}))
	add("start configurations", always(Options{StartConfigs: true}))
	add("short", always(Options{MaxSteps: 12}))
	add("loads", always(Options{Loads: Loads{Share: 2.0 / 3}}))
	add("loads of 8 clients", always(Options{Loads: Loads{Share: 1, Clients: 8}}))
	for _, k := range measuredKinds {
		add("only "+string(k), always(Options{Exclude: noOtherKinds(k)}))
	}
	for _, c := range FaultPoints() {
		add("focus "+c.String(), always(Options{Focus: c}))
	}
	groups := map[string][]Situation{}
	for _, s := range Situations() {
		if s.Class != (Class{}) {
			continue // the class draws nothing
		}
		kind, _, _ := strings.Cut(s.Operation, " ")
		group := fmt.Sprintf("situation %s %s", kind, s.Fault)
		if groups[group] == nil {
			add(group, func(i int) Options {
				return Options{Situation: groups[group][i%len(groups[group])]}
			})
		}
		groups[group] = append(groups[group], s)
	}
	return names, options
}

// A seed draws the plans that it always drew. A failure means that every stored seed now
// names other plans: say so in the change log, and write the hashes again with
// GOLDEN=write.
func TestSeedsDrawTheSamePlansAsBefore(t *testing.T) {
	if testing.Short() {
		t.Skip("rapid draws other lengths with -short")
	}
	if f := flag.Lookup("rapid.steps"); f.Value.String() != f.DefValue {
		t.Skip("plans are hashed with the default of -rapid.steps")
	}
	names, options := golden()
	file := filepath.Join("testdata", "golden-draws.txt")
	if os.Getenv("GOLDEN") == "write" {
		var b strings.Builder
		for _, name := range names {
			b.WriteString(hashOfPlans(options[name]) + " " + name + "\n")
		}
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
	}
	stored, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(string(stored)) {
		hash, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if of := options[name]; assert.NotNil(t, of, "no configuration is called %q any more", name) {
			assert.Equal(t, hash, hashOfPlans(of), "the plans of %q changed", name)
		}
	}
}

// hashOfPlans hashes the JSON of the plans of a few seeds.
func hashOfPlans(options func(i int) Options) string {
	hash := sha256.New()
	for i := range goldenPlans {
		hash.Write(Encode(Draw(uint64(i%7), i, measured(options(i)))))
	}
	return hex.EncodeToString(hash.Sum(nil)[:12])
}
