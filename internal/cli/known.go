package cli

import (
	"cmp"
	"strings"
	"time"

	"retain/harness/known"
	"retain/model"
	"retain/runtime"
)

// shippedFindings is the text of [KnownFindings], as it was when this program was built.
var shippedFindings string

// knownFindings are the findings of -known. [checkKnown] reads them.
var knownFindings known.List

// noFindings is the value of -known for no known findings.
const noFindings = "none"

// checkKnown reads the list of -known, and refuses one with a bad entry.
func checkKnown() (err error) {
	switch *knownFlag {
	case "":
		return nil // refused with the other empty values
	case noFindings:
		knownFindings = nil
		return nil
	case KnownFindings:
		if shippedFindings != "" { // built into the suite's own program alone
			knownFindings, err = known.Decode("-known "+KnownFindings, []byte(shippedFindings))
			return err
		}
	}
	knownFindings, err = known.Load("-known ", *knownFlag)
	return err
}

// rareOperations are those that a known finding of the servers under test needs.
func rareOperations() []string {
	if *versionsFlag != "" {
		return knownFindings.Needs(time.Now(), strings.FieldsFunc(*versionsFlag, func(r rune) bool { return r == ',' || r == ';' || r == ' ' })...)
	}
	if !versionKnown() {
		return nil
	}
	return knownFindings.Needs(time.Now(), cmp.Or(*versionFlag, runtime.DefaultVersion))
}

// alteredKnown is the setting of another list than the shipped one.
func alteredKnown() (out model.Settings) {
	switch *knownFlag {
	case KnownFindings:
	case noFindings:
		out = append(out, flagSetting(model.BoundSetting, "known", noFindings, ""))
	default:
		out = append(out, flagSetting(model.BoundSetting, "known", *knownFlag, digest(*knownFlag)))
	}
	return out
}

// linesOf are the lines of an error: one for each of several that were joined, as a list of
// known findings has one for each bad entry.
func linesOf(err error) (lines []string) {
	joined, several := err.(interface{ Unwrap() []error })
	if !several {
		return []string{err.Error()}
	}
	for _, e := range joined.Unwrap() {
		lines = append(lines, e.Error())
	}
	return lines
}
