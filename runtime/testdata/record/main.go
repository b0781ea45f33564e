// Command record stores what a real Restate server answers, for the tests of
// whatever reads or imitates those answers:
//
//	go run ./runtime/testdata/record -binary PATH/TO/restate-server
//
// It starts the server on loopback, with data of its own, behind it the
// reference service, sends the requests of [script] in order and writes
// runtime/testdata/responses-VERSION.json.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	binary := flag.String("binary", "restate-server", "the server's executable")
	dir := flag.String("dir", filepath.Join("runtime", "testdata"), "where the file goes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := record(ctx, *binary, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func record(ctx context.Context, binary, dir string) error {
	version, err := versionOf(ctx, binary)
	if err != nil {
		return err
	}
	all, err := recordScript(ctx, binary)
	if err != nil {
		return err
	}
	crowded, err := recordCrowd(ctx, binary)
	if err != nil {
		return err
	}
	early, err := recordEarly(ctx, binary)
	if err != nil {
		return err
	}
	all = append(append(all, crowded...), early...)
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the responses: %w", err)
	}
	path := filepath.Join(dir, "responses-"+version+".json")
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("store the responses: %w", err)
	}
	fmt.Println(len(all), "responses in", path)
	return nil
}

// versionOf asks the binary: it prints "restate-server 1.7.12".
func versionOf(ctx context.Context, binary string) (string, error) {
	out, err := exec.CommandContext(ctx, binary, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("run %s --version: %w", binary, err)
	}
	words := strings.Fields(string(out))
	if len(words) != 2 {
		return "", errors.New("the binary does not say its version")
	}
	return words[1], nil
}
