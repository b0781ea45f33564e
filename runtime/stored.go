package runtime

import "regexp"

var identityText = regexp.MustCompile(`^restate-server (\S*)(?: \(([^()]*)\))?, (\w+)$`)

// ParseIdentity reads the version, the build and the backend from the text of
// [Identity.String]; false for any other text. It is for stored files alone: histories, and
// regressions before version 3, have the identity as a text. What runs carries the
// [Identity].
func ParseIdentity(text string) (Identity, bool) {
	m := identityText.FindStringSubmatch(text)
	if m == nil {
		return Identity{}, false
	}
	return Identity{Version: m[1], Build: m[2], Backend: m[3]}, true
}
