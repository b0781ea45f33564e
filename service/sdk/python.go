package sdk

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"

	"retain/service/python"
)

var pythonTool = tool{
	name: "python3", title: "Python", least: "3.10", install: "install it (Debian: apt-get install python3 python3-venv; others: python.org)",
	ask: []string{"--version"}, version: regexp.MustCompile(`Python ([0-9.]+)`),
}

// pythonIdentity prints what a virtual environment depends on: it refers to its Python, and
// its binary modules suit no other.
const pythonIdentity = "import sys; print(sys.version, sys.base_exec_prefix)"

var _ = register(Python, language{
	title: "Python", sources: python.Source,
	find: findPython, build: pipInstall,
	command: func(_ tools, dir, _ string) []string {
		return []string{pythonOf(dir), filepath.Join(dir, "app.py")}
	},
})

func findPython(ctx context.Context, build bool) (tools, error) {
	t, err := findAll(ctx, Python, pythonTool)
	if err != nil {
		return tools{}, err
	}
	path := t.programs["python3"]
	out, err := run(ctx, "", path, "-c", pythonIdentity)
	if err != nil {
		return tools{}, fmt.Errorf("ask %s for its prefix: %s", path, lastLine(out, err))
	}
	t.fingerprint = string(out)
	if !build {
		return t, nil
	}
	if _, err := run(ctx, "", path, "-c", "import ensurepip, venv"); err != nil {
		return tools{}, fmt.Errorf("-sdk %s needs Python with its modules venv and ensurepip, and %s has not both: "+
			"install them (Debian: apt-get install python3-venv)", Python, path)
	}
	return t, nil
}

// pythonOf is the Python of the service's virtual environment, which runs also where the
// directory was moved to; the other programs there name their directory.
func pythonOf(dir string) string { return filepath.Join(dir, "venv", "bin", "python") }

func pipInstall(ctx context.Context, t tools, dir string) error {
	if err := buildWith(ctx, dir, t.programs["python3"], "-m", "venv", "venv"); err != nil {
		return err
	}
	return buildWith(ctx, dir, pythonOf(dir), "-m", "pip", "install", "--disable-pip-version-check", "--quiet",
		"--require-hashes", "--only-binary", ":all:", "--requirement", "requirements.txt")
}
