package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// parseFlags parses the command line. An error is one line that ends with the usage of
// the flag in question.
func parseFlags() error {
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	flag.CommandLine.SetOutput(os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		flag.Usage()
		os.Exit(0)
	}
	if err == nil {
		return nil
	}
	if unit := missingUnit(err); unit != nil {
		return unit
	}
	if name := flagInError.FindStringSubmatch(err.Error()); name != nil {
		if f := flag.Lookup(name[1]); f != nil {
			return fmt.Errorf("%w (-%s: %s)", err, f.Name, f.Usage)
		}
	}
	return fmt.Errorf("%w; docs/flags.md lists retain's flags, go help testflag lists Go's", err)
}

// missingUnit explains a duration without a unit, or with one that Go does not know. It
// returns nil for any other error of package flag.
func missingUnit(err error) error {
	m := badDuration.FindStringSubmatch(err.Error())
	if m == nil {
		return nil
	}
	f := flag.Lookup(m[3])
	if f == nil {
		return nil
	}
	if _, is := f.Value.(flag.Getter).Get().(time.Duration); !is {
		return nil
	}
	number, unit := m[1], strings.ToLower(m[2])
	says := ""
	switch short, known := longUnits[unit]; {
	case strings.HasPrefix(number, "-"):
		says = fmt.Sprintf("want a duration that is not negative, with a unit, such as %ss", strings.TrimPrefix(number, "-"))
	case unit == "":
		says = fmt.Sprintf("%s needs a unit: %ss, %sm or %sh", number, number, number, number)
	case known:
		says = "want " + number + short
	case strings.HasPrefix(unit, "d"):
		days, _ := strconv.ParseFloat(number, 64) // the pattern is a number's
		says = fmt.Sprintf("Go knows no days: want %vh", 24*days)
	default:
		return nil
	}
	if !strings.HasPrefix(f.Name, "test.") {
		says += " (" + f.Usage + ")"
	}
	return fmt.Errorf("-%s %s%s: %s", f.Name, number, m[2], says)
}

// badDuration matches an error of package flag: the number, the text behind it, the
// flag.
var badDuration = regexp.MustCompile(`^invalid value "\s*([-+]?[0-9]*\.?[0-9]+|[-+]?[0-9]+\.)\s*([A-Za-z]*)\s*" for flag -([\w.]+): `)

// longUnits maps units as people write them to Go's.
var longUnits = map[string]string{
	"s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "m": "m", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
	"h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
}

// flagInError matches the flag in an error of package flag.
var flagInError = regexp.MustCompile(`(?:flag |argument: |for )-([\w.]+)`)
