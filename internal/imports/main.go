// Command imports prints the import graph of the project, and fails if an import runs
// the wrong way, if there is a cycle, or if a pure package imports input or output.
// Tests are not part of the graph: they may import everything.
//
//	go run ./internal/imports       # print the graph
//	go run ./internal/imports -w    # write it into docs/design.md
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"retain/internal/generated"
)

// part is the generated part of docs/design.md that has the graph.
const part = "imports"

// fenced is the graph as the page has it.
func fenced(text string) string { return "```\n" + text + "```\n" }

func main() {
	write := flag.Bool("w", false, "write the graph into docs/design.md")
	flag.Parse()
	if err := run(*write); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run checks the graph, and prints it or writes it into the page.
func run(write bool) error {
	root, g, err := load()
	if err != nil {
		return err
	}
	if err := g.check(); err != nil {
		return err
	}
	if !write {
		fmt.Print(g.text())
		return nil
	}
	return generated.Write(pageIn(root), part, fenced(g.text()))
}

// pageIn is the page that has the graph.
func pageIn(root string) string { return filepath.Join(root, "docs", "design.md") }

// load asks the go command for the packages of the module that it is run in.
func load() (root string, g graph, err error) {
	root, err = goCommand("", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return "", nil, err
	}
	root = strings.TrimSpace(root)
	list, err := goCommand(root, "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	if err != nil {
		return "", nil, err
	}
	return root, parse(list), nil
}

// goCommand returns what the go command prints.
func goCommand(dir string, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
