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
		of, where, foreign := strings.Cut(name, "=")
		if foreign {
			if err := checkForeign(of, where); err != nil {
				return fmt.Errorf("-sdks %s: %w", name, err)
			}
		}
		switch {
		case !foreign && sdk.Name(name).Check() != nil:
			return fmt.Errorf("-sdks: no SDK is called %.40q: want %s, NAME=URL for handlers that listen, or NAME=%sREF for an image of them", name, sdk.List(), compare.ImagePrefix)
		case slices.Contains(seen, of):
			return fmt.Errorf("-sdks %s: %s stands twice", *sdksFlag, of)
		}
		seen = append(seen, of)
	}
	return nil
}

// checkForeign refuses handlers NAME=URL or NAME=image:REF whose name is that of an SDK, or
// that are neither.
func checkForeign(name, where string) error {
	reference, isImage := strings.CutPrefix(where, compare.ImagePrefix)
	switch {
	case name == "":
		return fmt.Errorf("want NAME=URL or NAME=%sREF", compare.ImagePrefix)
	case sdk.Name(name).Check() == nil:
		return fmt.Errorf("%s names the reference service of an SDK: choose another name", name)
	case isImage && reference == "":
		return fmt.Errorf("want the reference of an image, NAME=%sREF", compare.ImagePrefix)
	case isImage:
		return nil
	}
	if _, err := (service.Backend{URL: where}).Base(); err != nil {
		return fmt.Errorf("%w, or %sREF for an image of them", err, compare.ImagePrefix)
	}
	return nil
}

// foreign are the handlers of others that the flags name.
type foreign struct {
	url, image string
}

// foreignFlags are those of -deployment or -service.image.
func foreignFlags() foreign { return foreign{*deploymentFlag, *serviceImageFlag} }

// foreignIn are those of an element of -sdks, with its name; none for the reference service of
// an SDK.
func foreignIn(element string) (name string, f foreign) {
	name, where, _ := strings.Cut(element, "=")
	if reference, isImage := strings.CutPrefix(where, compare.ImagePrefix); isImage {
		return name, foreign{image: reference}
	}
	return name, foreign{url: where}
}

// compares reports whether -sdks has such handlers.
func compares(is func(foreign) bool) bool {
	return slices.ContainsFunc(strings.Split(*sdksFlag, ","), func(element string) bool {
		_, f := foreignIn(element)
		return is(f)
	})
}

// calls makes the server call the handlers of an element of -sdks, and returns their name.
func (s *server) calls(element string) (name string) {
	name, s.foreign = foreignIn(element)
	if s.foreign == (foreign{}) {
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

// argumentsOf are the arguments of handlers of others, by their names.
func argumentsOf(axis compare.Axis, names []string) map[string][]string {
	out := map[string][]string{}
	if axis != compare.SDKs {
		return out
	}
	for _, element := range names {
		if name, f := foreignIn(element); f != (foreign{}) {
			out[name] = f.arguments()
		}
	}
	return out
}
