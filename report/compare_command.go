package report

import (
	"slices"
	"strings"

	"retain/harness/compare"
)

// compareCommand is the command that executes a plan on retain's own handlers in Go too, by the flags
// of a session on others; "" for a session on those. A name stands for handlers that are no
// SDK's reference service.
func compareCommand(plan string, flags []string) string {
	const own, named = "go", "mine="
	others, rest := "", []string(nil)
	for _, f := range flags {
		name, value, _ := strings.Cut(strings.TrimPrefix(f, "-"), "=")
		switch name {
		case "deployment":
			others = named + value
		case "service.image":
			others = named + compare.ImagePrefix + value
		case "sdk":
			others = value
		case "known": // a comparison counts known findings like others
		default:
			rest = append(rest, f)
		}
	}
	if others == "" || others == own {
		return ""
	}
	return "go test -run Compare -plan " + words(slices.Concat([]string{plan, "-sdks=" + own + "," + others}, rest)...)
}
