package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"strings"

	"retain/service/typescript"
)

// nodeLeast is the oldest Node.js that runs TypeScript as it is. The SDK itself needs 22: on an
// older one it listens and answers, and fails every call.
const nodeLeast = "22.18"

const installNode = "install Node.js with npm (Debian: apt-get install nodejs npm; others: nodejs.org)"

var (
	nodeTool = tool{
		name: "node", title: "Node.js", least: nodeLeast, install: installNode,
		ask: []string{"--version"}, version: regexp.MustCompile(`^v([0-9.]+)`),
	}
	npmTool = tool{
		name: "npm", title: "npm", least: "8", install: installNode,
		ask: []string{"--version"}, version: regexp.MustCompile(`(?m)^([0-9]+\.[0-9.]+)`),
	}
)

var _ = register(TypeScript, language{
	title: "TypeScript", sources: typescript.Source,
	find: findNode, build: npmInstall,
	command: func(t tools, dir, _ string) []string {
		return []string{nodeOf(t, dir), filepath.Join(dir, "src", "app.ts")}
	},
})

// findNode finds Node.js, and npm for a build. Where Node.js is too old or missing, the build
// brings one: the npm package whose name is the tools' fingerprint.
func findNode(ctx context.Context, build bool) (tools, error) {
	t, err := findAll(ctx, TypeScript, nodeTool)
	if err != nil {
		if ctx.Err() != nil {
			return tools{}, err
		}
		t = tools{programs: map[string]string{}, fingerprint: nodePackage()}
		if t.fingerprint == "" {
			return tools{}, err
		}
	}
	if !build {
		return t, nil
	}
	npm, err := findAll(ctx, TypeScript, npmTool)
	if err != nil {
		return tools{}, err
	}
	t.programs["npm"] = npm.programs["npm"]
	return t, nil
}

// nodePackage is the optional dependency of the service that is a Node.js for this system, ""
// if none is.
func nodePackage() string {
	var manifest struct {
		Optional map[string]string `json:"optionalDependencies"`
	}
	content, _ := typescript.Source.ReadFile("package.json")
	_ = json.Unmarshal(content, &manifest)
	system := "-" + goruntime.GOOS + "-" + strings.Replace(goruntime.GOARCH, "amd64", "x64", 1)
	for name := range manifest.Optional {
		if strings.HasSuffix(name, system) {
			return name
		}
	}
	return ""
}

// nodeOf is the Node.js that runs the service in dir.
func nodeOf(t tools, dir string) string {
	if t.fingerprint == "" {
		return t.programs["node"]
	}
	return filepath.Join(dir, "node_modules", t.fingerprint, "bin", "node")
}

func npmInstall(ctx context.Context, t tools, dir string) error {
	args := []string{"ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"}
	if t.fingerprint == "" {
		args = append(args, "--omit=optional")
	}
	if err := buildWith(ctx, dir, t.programs["npm"], args...); err != nil || t.fingerprint == "" {
		return err
	}
	if out, err := run(ctx, dir, nodeOf(t, dir), "--version"); err != nil {
		return fmt.Errorf("%s of npm does not run here (%s): install Node.js %s or newer", t.fingerprint, lastLine(out, err), nodeLeast)
	}
	return nil
}
