package cli

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"retain/generators"
	"retain/harness/backend"
	"retain/harness/compare"
	"retain/harness/upgrade"
	"retain/service"
	"retain/service/sdk"
)

// compared are the axis of a comparison and what stands on it, by the flags, and whether that
// is in the order of releases. The names were checked before anything started.
func compared() (axis compare.Axis, names []string, ordered bool) {
	if *sdksFlag != "" {
		return compare.SDKs, strings.Split(*sdksFlag, ","), false
	}
	names, _ = upgrade.Names(*versionsFlag)
	names, ordered = upgrade.Sorted(names)
	return compare.Versions, names, ordered
}

// checkSDKs refuses SDKs that can't be compared.
func checkSDKs() error {
	if *sdksFlag == "" {
		return nil
	}
	switch {
	case *versionsFlag != "":
		return errors.New("-sdks and -restate.versions: a comparison has one axis: give one of them, and one version or one SDK for the other (-restate.version, -sdk)")
	case isSet(flag.Lookup("sdk")):
		return errors.New("-sdk is one SDK, -sdks are those that are compared: leave one of them out")
	case backend.Name(*runtimeFlag) == backend.Simulated:
		return errors.New("-sdks: the simulated runtime calls handlers of its own: say -runtime process or container")
	}
	names := strings.Split(*sdksFlag, ",")
	if len(names) < 2 {
		return fmt.Errorf("-sdks %s: want at least two, separated by commas", *sdksFlag)
	}
	var seen []string
	for _, name := range names {
		of, url, listens := strings.Cut(name, "=")
		if listens {
			if err := checkListening(of, url); err != nil {
				return fmt.Errorf("-sdks %s: %w", name, err)
			}
		}
		switch {
		case !listens && sdk.Name(name).Check() != nil:
			return fmt.Errorf("-sdks: no SDK is called %.40q: want %s, or NAME=URL for handlers that listen", name, sdk.List())
		case slices.Contains(seen, of):
			return fmt.Errorf("-sdks %s: %s stands twice", *sdksFlag, of)
		}
		seen = append(seen, of)
	}
	return nil
}

// checkListening refuses handlers NAME=URL whose name is that of an SDK, or whose URL is none.
func checkListening(name, url string) error {
	switch {
	case name == "":
		return errors.New("want NAME=URL")
	case sdk.Name(name).Check() == nil:
		return fmt.Errorf("%s names the reference service of an SDK: choose another name", name)
	}
	_, err := service.Backend{URL: url}.Base()
	return err
}

// calls makes the server call the handlers of an element of -sdks, and returns their name.
func (s *server) calls(element string) (name string) {
	name, url, listens := strings.Cut(element, "=")
	if listens {
		s.handlers.Backend = service.Backend{URL: url}
	} else {
		s.sdk = sdk.Name(name)
	}
	return name
}

// checkCompared refuses versions that are none, and builds and plans that are for none of
// them.
func checkCompared(axis compare.Axis, names []string, p generators.Plan) error {
	if axis == compare.Versions {
		return checkComparedBuilds(names, p.Versions())
	}
	if err := checkNamed(p.Versions()); err != nil {
		return err
	}
	return checkVersions(p, backend.Name(*runtimeFlag))
}

// axisFlag is the flag that names one version of an axis.
func axisFlag(axis compare.Axis) string {
	switch {
	case axis == compare.SDKs:
		return "sdk"
	case backend.Name(*runtimeFlag) == backend.Simulated:
		return "bugs"
	}
	return "restate.version"
}

// argumentsOf are the arguments of handlers that listen, by their names.
func argumentsOf(axis compare.Axis, names []string) map[string]string {
	out := map[string]string{}
	for _, element := range names {
		if name, url, listens := strings.Cut(element, "="); axis == compare.SDKs && listens {
			out[name] = argument("deployment", url)
		}
	}
	return out
}
