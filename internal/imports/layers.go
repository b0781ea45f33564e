package main

import (
	"fmt"
	"slices"
	"strings"
)

// module is the path that every package of the project begins with.
const module = "retain"

// layer is a set of packages that may import each other within one tree, and every
// earlier layer.
type layer struct {
	name string
	// trees are path prefixes below the module; "." is the root package. A tree
	// ending in "/" has the packages below it and not the package of that name.
	trees []string
}

// layers are in the order of imports: a package imports its own tree and earlier
// layers. The longest prefix that matches a package decides.
var layers = []layer{
	{"helpers", []string{"internal"}},
	{"versions of the server", []string{"runtime/versions"}},
	{"model", []string{"model"}},
	{"pure", []string{"checker", "generators"}},
	{"handlers", []string{"service"}},
	{"system under test", []string{"runtime"}},
	{"services in other languages", []string{"service/sdk"}},
	{"execution", []string{"harness"}},
	{"signatures", []string{"harness/signature"}},
	{"diagnosis, known findings, origin of the server", []string{"harness/backend", "harness/known", "harness/triage"}},
	{"sessions", []string{"harness/session"}},
	{"regressions", []string{"harness/regress"}},
	{"comparisons, upgrades", []string{"harness/compare", "harness/upgrade"}},
	{"helpers of harness's tests", []string{"harness/"}},
	{"campaigns", []string{"campaign"}},
	{"reports", []string{"report"}},
	{"command line", []string{"internal/cli"}},
	{"tests and tools", []string{".", "deploy", "internal/bench", "internal/catalogue", "internal/imports", "internal/selftest", "internal/versionspage"}},
}

// apart are trees that no order of layers keeps apart: the former must not import
// the latter.
var apart = map[string][]string{
	"service": {"checker", "generators"},
	"runtime": {"checker", "generators"},
}

// pure are the trees without input and output, and impure the packages they may not
// import.
var (
	pure   = []string{"runtime/versions", "model", "generators", "checker"}
	impure = []string{"net", "net/http", "os", "os/exec", "syscall"}
)

// place is where a package stands: its layer and the tree in it.
type place struct {
	rank int
	tree string
}

// placeOf finds the layer of a path below the module.
func placeOf(path string) (place, error) {
	best := place{rank: -1}
	for rank, l := range layers {
		for _, tree := range l.trees {
			if within(path, tree) && (best.rank < 0 || len(tree) > len(best.tree)) {
				best = place{rank: rank, tree: tree}
			}
		}
	}
	if best.rank < 0 {
		return place{}, fmt.Errorf("no layer has the package %s: add its tree to layers in internal/imports/layers.go", path)
	}
	return best, nil
}

// within reports whether a tree has the package.
func within(path, tree string) bool {
	if below, ok := strings.CutSuffix(tree, "/"); ok {
		return strings.HasPrefix(path, below+"/")
	}
	return path == tree || strings.HasPrefix(path, tree+"/")
}

// allowed reports why the package from may not import the package to; nil if it may.
func allowed(from, to string) error {
	f, err := placeOf(from)
	if err != nil {
		return err
	}
	t, err := placeOf(to)
	if err != nil {
		return err
	}
	switch {
	case f == t:
		return nil
	case f.rank < t.rank:
		return fmt.Errorf("%s imports %s: %s stand below %s", from, to, layers[f.rank].name, layers[t.rank].name)
	case f.rank == t.rank, slices.Contains(apart[f.tree], t.tree):
		return fmt.Errorf("%s imports %s: %s and %s stand beside each other", from, to, f.tree, t.tree)
	}
	return nil
}

// allowedOutside reports why a package may not import one of the standard library;
// nil if it may.
func allowedOutside(from, to string) error {
	isPure := slices.ContainsFunc(pure, func(tree string) bool { return within(from, tree) })
	if isPure && slices.Contains(impure, to) {
		return fmt.Errorf("%s imports %s: a pure package has no input and output", from, to)
	}
	return nil
}
