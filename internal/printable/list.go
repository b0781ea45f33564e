package printable

import "strings"

// List joins words for a sentence, with the last one behind a conjunction: "a, b or c".
func List[S ~string](words []S, conjunction string) string {
	var text []string
	for _, w := range words {
		text = append(text, string(w))
	}
	last := len(text) - 1
	if last < 1 {
		return strings.Join(text, "")
	}
	return strings.Join(text[:last], ", ") + " " + conjunction + " " + text[last]
}
