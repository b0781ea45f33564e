package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// graph has the import paths of each package of the project, tests excepted.
type graph map[string][]string

// parse reads lines of a package and its imports, separated by spaces.
func parse(list string) graph {
	g := graph{}
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		g[fields[0]] = slices.Sorted(slices.Values(fields[1:]))
	}
	return g
}

// short returns the path of a package of the project below the module, "." for its root.
func short(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// shorts shortens several paths.
func shorts(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = short(p)
	}
	return out
}

// check reports every import that runs the wrong way, and a cycle.
func (g graph) check() error {
	var problems []error
	for _, from := range slices.Sorted(maps.Keys(g)) {
		if _, err := placeOf(short(from)); err != nil {
			problems = append(problems, err)
			continue
		}
		for _, to := range g[from] {
			err := allowedOutside(short(from), to)
			if _, ours := g[to]; ours {
				err = allowed(short(from), short(to))
			}
			problems = append(problems, err)
		}
	}
	if cycle := g.cycle(); cycle != nil {
		problems = append(problems, fmt.Errorf("an import cycle: %s", strings.Join(cycle, " -> ")))
	}
	return errors.Join(problems...)
}

// cycle returns the packages of a cycle, the first one at both ends; nil if there is
// none.
func (g graph) cycle() []string {
	done := map[string]bool{}
	var path []string
	var visit func(string) []string
	visit = func(p string) []string {
		if i := slices.Index(path, p); i >= 0 {
			return shorts(append(slices.Clone(path[i:]), p))
		}
		if done[p] {
			return nil
		}
		done[p] = true
		path = append(path, p)
		for _, to := range g[p] {
			if found := visit(to); found != nil {
				return found
			}
		}
		path = path[:len(path)-1]
		return nil
	}
	for _, p := range slices.Sorted(maps.Keys(g)) {
		if found := visit(p); found != nil {
			return found
		}
	}
	return nil
}

// text prints the graph, layer by layer, each package with what it imports of the
// project.
func (g graph) text() string {
	var out strings.Builder
	width := 0
	for p := range g {
		width = max(width, len(short(p)))
	}
	for rank, l := range layers {
		lines := g.layer(rank, width)
		if len(lines) == 0 {
			continue
		}
		fmt.Fprintf(&out, "%s\n%s", l.name, strings.Join(lines, ""))
	}
	return out.String()
}

// layer returns a line for each package of a layer.
func (g graph) layer(rank, width int) (lines []string) {
	for _, p := range slices.Sorted(maps.Keys(g)) {
		if at, err := placeOf(short(p)); err != nil || at.rank != rank {
			continue
		}
		var ours []string
		for _, to := range g[p] {
			if _, known := g[to]; known {
				ours = append(ours, to)
			}
		}
		line := fmt.Sprintf("  %-*s  %s", width, short(p), strings.Join(shorts(ours), " "))
		lines = append(lines, strings.TrimRight(line, " ")+"\n")
	}
	return lines
}
