package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"retain/campaign"
	"retain/harness"
	"retain/model"
)

// maxSettings bounds the settings that are printed; JSON has all.
const maxSettings = 20

// excludeFlag is the flag of what plans are not drawn with. Each has a setting.
const excludeFlag = "-exclude"

// with is a build line and the settings that differ from a plain server: on the
// same line where there is room, or below it. What plans are not drawn with stands below, each
// with its whole reason.
func with(line string, s model.Settings) []string {
	excluded, s := partedSettings(s)
	out := []string{line}
	if len(s) > 0 {
		out = withSettings(line, s)
	}
	if line == "" && len(s) == 0 && len(excluded) > 0 {
		out = nil
	}
	return append(out, withoutLines(excluded)...)
}

// withoutLines are the exclusions, those of one kind and reason on a line.
func withoutLines(excluded model.Settings) (out []string) {
	type group struct{ what, reason string }
	var order []group
	names := map[group][]string{}
	for _, e := range excluded {
		subject, reason, _ := strings.Cut(oneLine(e.Value), ": ")
		what, name, _ := strings.Cut(subject, " ")
		g := group{what, reason}
		if names[g] == nil {
			order = append(order, g)
		}
		names[g] = append(names[g], name)
	}
	for _, g := range order {
		what, separator := g.what, ", "
		if len(names[g]) > 1 {
			what += "s"
		}
		if slices.ContainsFunc(names[g], func(name string) bool { return strings.Contains(name, ",") }) {
			separator = "; " // of configurations
		}
		out = append(out, fmt.Sprintf("without %s %s: %s", what, strings.Join(names[g], separator), g.reason))
	}
	return out
}

// partedSettings parts the exclusions from other settings.
func partedSettings(all model.Settings) (excluded, others model.Settings) {
	for _, s := range all {
		if s.Name == excludeFlag {
			excluded = append(excluded, s)
		} else {
			others = append(others, s)
		}
	}
	return excluded, others
}

func withSettings(line string, s model.Settings) []string {
	more := len(s) - maxSettings
	if more > 0 {
		s = append(slices.Clone(s[:maxSettings]), model.Setting{Kind: model.PlanSetting, Name: fmt.Sprintf("and %d more", more)})
	}
	text := "with " + s.String()
	if utf8.RuneCountInString(line)+utf8.RuneCountInString(text) <= lineWidth {
		if line != "" {
			line += " · "
		}
		return []string{line + text}
	}
	var texts []string
	for _, one := range s {
		texts = append(texts, one.String())
	}
	texts[0] = "with " + texts[0]
	lines := wrapped(texts, ", ")
	for i := range len(lines) - 1 {
		lines[i] += ","
	}
	if line == "" {
		return lines
	}
	return append([]string{line}, lines...)
}

// alteredIn are the settings of a run: those of its history, or those of the session
// where there is no history.
func alteredIn(r harness.Run, c Context) model.Settings {
	if r.Outcome != nil && r.Outcome.History != nil && len(r.Outcome.History.Altered) > 0 {
		return r.Outcome.History.Altered
	}
	return c.Altered
}

// orEmpty is a list that is encoded as [] where there are no settings.
func orEmpty(s model.Settings) model.Settings {
	if s == nil {
		return model.Settings{}
	}
	return s
}

// settingsProperties is the JUnit property of the settings; none for a plain server.
func settingsProperties(s model.Settings) []junitProperty {
	if len(s) == 0 {
		return nil
	}
	var out []junitProperty
	excluded, others := partedSettings(s)
	if len(others) > 0 {
		out = append(out, junitProperty{"settings", others.String()})
	}
	for _, e := range excluded {
		out = append(out, junitProperty{"excluded", oneLine(e.Value)})
	}
	return out
}

// buildsWith are the servers that a campaign tested, and its settings.
func buildsWith(c *campaign.Campaign) []string {
	lines, last := builds(c), ""
	if n := len(lines); n > 0 {
		lines, last = lines[:n-1], lines[n-1]
	}
	settings := alteredBy(c)
	if last == "" && len(settings) == 0 {
		return nil
	}
	return append(lines, with(last, settings)...)
}

// alteredBy are the settings of a campaign. Its segments have the same.
func alteredBy(c *campaign.Campaign) model.Settings {
	for i := range c.Segments {
		if s := c.Segments[i].Altered; len(s) > 0 {
			return s
		}
	}
	return nil
}
