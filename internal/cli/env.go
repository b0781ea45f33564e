package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"retain/model"
)

// envs is the value of -restate.env: variables by name.
type envs map[string]string

// String implements [flag.Value]. There is no default to show.
func (e *envs) String() string { return "" }

// Set implements [flag.Value].
func (e *envs) Set(s string) error {
	k, v, ok := strings.Cut(s, "=")
	if !ok || k == "" {
		return errors.New("want NAME=VALUE")
	}
	if v == "$"+k { // as [envs.referenced] writes a secret
		if v, ok = os.LookupEnv(k); !ok {
			return fmt.Errorf("%s is not set in this environment: export it", k)
		}
	}
	if before, given := (*e)[k]; given && before != v {
		return fmt.Errorf("%s is given twice: leave one of them out", k)
	}
	(*e)[k] = v
	return nil
}

// names are the names of the variables, sorted.
func (e envs) names() []string { return slices.Sorted(maps.Keys(e)) }

// referenced are the pairs NAME=VALUE for a command line or a file. The value of a
// secret is a reference to the variable of its name, which the shell expands, or else
// [envs.Set].
func (e envs) referenced() (out []string) {
	for _, name := range e.names() {
		value := e[name]
		if model.Secret(name, value) {
			value = "$" + name
		}
		out = append(out, name+"="+value)
	}
	return out
}

// setting renders a variable as regressions name it: NAME=VALUE, with a hash in place of
// a secret.
func setting(name string) string {
	if v := model.Variable(name, envFlag[name]); v.Secret {
		return v.String()
	}
	return name + "=" + envFlag[name]
}
