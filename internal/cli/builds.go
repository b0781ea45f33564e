package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"retain/model"
)

// builds is the value of -restate.binary or -restate.image, which may be given again: one
// server in place of the released one, and servers by the names of versions.
type builds struct {
	plain string            // "" for none
	named map[string]string // by the name of a version
}

// argumentGap stands between the arguments of a flag that may be given again, in the text
// of its value.
const argumentGap = "\n"

// String implements [flag.Value]: the arguments that make the value, one a line.
func (b *builds) String() string { return strings.Join(b.arguments(), argumentGap) }

// arguments are the arguments that make the value.
func (b *builds) arguments() (out []string) {
	if b.plain != "" {
		out = append(out, b.plain)
	}
	for _, name := range b.names() {
		out = append(out, name+"="+b.named[name])
	}
	return out
}

// names are the names of versions, sorted.
func (b *builds) names() []string { return slices.Sorted(maps.Keys(b.named)) }

// given reports whether there is any server.
func (b *builds) given() bool { return b.plain != "" || len(b.named) > 0 }

// Set implements [flag.Value].
func (b *builds) Set(text string) error {
	for _, argument := range strings.Split(text, argumentGap) {
		if err := b.add(argument); err != nil {
			return err
		}
	}
	return nil
}

// add adds SERVER or NAME=SERVER. A path whose beginning looks like a name is written with
// ./ before it.
func (b *builds) add(argument string) error {
	name, server, named := strings.Cut(argument, "=")
	if !named || model.CheckVersionName(name) != nil {
		if b.plain != "" && b.plain != argument {
			return errors.New("two servers have no name: give one of them as NAME=, and the name where a version stands")
		}
		b.plain = argument
		return nil
	}
	if server == "" {
		return fmt.Errorf("nothing stands behind %s=", name)
	}
	if before, given := b.named[name]; given && before != server {
		return fmt.Errorf("%s is given twice: leave one of them out", name)
	}
	if b.named == nil {
		b.named = map[string]string{}
	}
	b.named[name] = server
	return nil
}

// isBuild reports whether a version is the name of a build of the flags.
func isBuild(version string) bool {
	_, binary := binaryFlag.named[version]
	_, image := imageFlag.named[version]
	return binary || image
}

// checkNamed refuses builds that no server is started as: another one would be tested than
// was thought. versions are those that plans name.
func checkNamed(versions []string) error {
	return checkNamedIn(append([]string{*versionFlag}, versions...), "add -restate.version ")
}

// checkNamedIn refuses builds whose names are not among the versions of servers. add is
// how a person names one more.
func checkNamedIn(versions []string, add string) error {
	for of, b := range map[string]*builds{"restate.binary": &binaryFlag, "restate.image": &imageFlag} {
		for _, name := range b.names() {
			if !slices.Contains(versions, name) {
				return fmt.Errorf("-%s %s=%s: no start has version %s: %s%s, or leave it out", of, name, b.named[name], name, add, name)
			}
		}
	}
	return nil
}
