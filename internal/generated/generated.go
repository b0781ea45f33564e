// Package generated keeps parts of a page that a command writes. Such a part stands
// between two lines of the page, <!-- NAME begin --> and <!-- NAME end -->.
package generated

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Replace puts text between the markers of a page.
func Replace(page, name, text string) (string, error) {
	begins, ends := "<!-- "+name+" begin -->\n", "<!-- "+name+" end -->\n"
	head, rest, begun := strings.Cut(page, begins)
	_, tail, ended := strings.Cut(rest, ends)
	if !begun || !ended {
		return "", fmt.Errorf("the page has no markers of its generated part: %s begin, %s end", name, name)
	}
	return head + begins + text + ends + tail, nil
}

// Write puts text between the markers of the page in a file.
func Write(path, name, text string) error {
	before, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	after, err := Replace(string(before), name, text)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, []byte(after), 0o644)
}
