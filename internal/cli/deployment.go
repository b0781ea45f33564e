package cli

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/compare"
	"retain/internal/inputfile"
	"retain/internal/printable"
	"retain/model"
	"retain/service"
)

// The flags of handlers that others wrote.
var (
	deploymentFlag   = flag.String("deployment", "", "URL of handlers that listen, of any SDK, which are tested instead of the reference service: http://HOST:PORT or https://HOST:PORT/PATH")
	headerFlag       = headers{}
	serviceImageFlag = flag.String("service.image", "", "image of handlers, of any SDK, which are tested instead of the reference service; a container of it is started beside each server")
	serviceEnvFlag   = flag.String("service.env-file", "", "file with lines NAME=VALUE, the environment of the container of -service.image")
)

func init() {
	flag.Var(&headerFlag, "deployment.header", "NAME=VALUE, a header of each request to -deployment; NAME=$VARIABLE takes the value from the environment; may be given again")
}

// headers is the value of -deployment.header: values, or references to variables that have
// them, by the names of the headers.
type headers map[string]string

// String implements [flag.Value]. There is no default to show.
func (h *headers) String() string { return "" }

var (
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	variable   = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`)
	// reserved are headers that the connection or the protocol has.
	reserved = []string{"Host", "Connection", "Content-Length", "Content-Type", "Accept", "Te", "Transfer-Encoding", "Upgrade", "User-Agent"}
)

// Set implements [flag.Value].
func (h *headers) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	name = http.CanonicalHeaderKey(name)
	switch {
	case !ok || !headerName.MatchString(name):
		return errors.New("want NAME=VALUE, with the name of a header")
	case slices.Contains(reserved, name):
		return fmt.Errorf("%s is not yours to set: leave it out", name)
	}
	if variable.MatchString(value) {
		if _, set := os.LookupEnv(value[1:]); !set {
			return fmt.Errorf("%s is not set in this environment: export it", value[1:])
		}
	} else if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return fmt.Errorf("%s has a value that no header can have", name)
	}
	if before, given := (*h)[name]; given && before != value {
		return fmt.Errorf("%s is given twice: leave one of them out", name)
	}
	(*h)[name] = value
	return nil
}

// header are the headers with their values.
func (h headers) header() http.Header {
	out := http.Header{}
	for name, value := range h {
		if variable.MatchString(value) {
			value = os.Getenv(value[1:])
		}
		out.Set(name, value)
	}
	return out
}

// referenced are the pairs NAME=$VARIABLE for a command line or a file: a header's value may
// be a secret, and is never printed.
func (h headers) referenced() (out []string) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		value := h[name]
		if !variable.MatchString(value) {
			value = "$" + strings.ToUpper(strings.Map(func(r rune) rune {
				if r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
					return r
				}
				return '_'
			}, name))
		}
		out = append(out, name+"="+value)
	}
	return out
}

// checkDeployment refuses flags of handlers that contradict each other or can't be used.
func checkDeployment() error {
	given, element := "-deployment", "NAME="+*deploymentFlag
	if *serviceImageFlag != "" {
		given, element = "-service.image", "NAME="+compare.ImagePrefix+*serviceImageFlag
	}
	listening := *deploymentFlag != "" || compares(func(f foreign) bool { return f.url != "" })
	images := *serviceImageFlag != "" || compares(func(f foreign) bool { return f.image != "" })
	switch {
	case *deploymentFlag != "" && *serviceImageFlag != "":
		return errors.New("-deployment and -service.image name two deployments: give one of them")
	case len(headerFlag) > 0 && !listening:
		return errors.New("-deployment.header is for handlers that listen: add -deployment URL, or with -run Compare NAME=URL in -sdks, or leave it out")
	case *serviceEnvFlag != "" && !images:
		return fmt.Errorf("-service.env-file is for the container of an image: add -service.image REF, or with -run Compare NAME=%sREF in -sdks, or leave it out", compare.ImagePrefix)
	case *deploymentFlag+*serviceImageFlag == "":
		_, err := serviceEnv()
		return err
	case backend.Name(*runtimeFlag) == backend.Simulated:
		return fmt.Errorf("%s is called by a real server: leave out -runtime simulated, or say -runtime process or container", given)
	case *sdksFlag != "":
		return fmt.Errorf("-sdks names all handlers that are compared: give those of %s there, as %s", given, element)
	case isSet(flag.Lookup("sdk")):
		return fmt.Errorf("-sdk names a reference service, and %s other handlers: leave one of them out", given)
	}
	if *deploymentFlag != "" {
		if _, err := (service.Backend{URL: *deploymentFlag}).Base(); err != nil {
			return fmt.Errorf("-deployment: %w", err)
		}
	}
	_, err := serviceEnv()
	return err
}

// maxEnvFile bounds the file of -service.env-file, in bytes.
const maxEnvFile = 1 << 20

// serviceEnv is the environment of -service.env-file, in the format of Docker: lines
// NAME=VALUE, NAME alone for a variable of this environment, and comments from # on.
func serviceEnv() (map[string]string, error) {
	if *serviceEnvFlag == "" {
		return nil, nil
	}
	text, err := inputfile.Read(*serviceEnvFlag, maxEnvFile)
	if err != nil {
		return nil, fmt.Errorf("-service.env-file: %w", err)
	}
	out := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	lines.Buffer(nil, maxEnvFile)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimLeft(lines.Text(), " \t")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, given := strings.Cut(line, "=")
		if name == "" || strings.ContainsAny(name, " \t") || strings.ContainsRune(line, 0) {
			return nil, fmt.Errorf("-service.env-file %s, line %d: want NAME=VALUE", printable.Cut(*serviceEnvFlag, maxError/4), n)
		}
		if !given {
			if value, given = os.LookupEnv(name); !given {
				continue // as Docker has it
			}
		}
		out[name] = value
	}
	return out, lines.Err()
}

// handlers are handlers of others, with the headers or the environment of the flags.
func (f foreign) handlers() (h backend.Handlers) {
	switch {
	case f.url != "":
		h.Backend = service.Backend{URL: f.url, Header: headerFlag.header()}
	case f.image != "":
		h.Image = f.image
		h.Env, _ = serviceEnv() // checked before anything started
	}
	return h
}

// arguments are those that name the handlers for a session.
func (f foreign) arguments() (out []string) {
	switch {
	case f.url != "":
		out = arguments("deployment", f.url)
		for _, pair := range headerFlag.referenced() {
			out = append(out, argument("deployment.header", pair))
		}
	case f.image != "":
		out = arguments("service.image", f.image)
		if *serviceEnvFlag != "" {
			out = append(out, argument("service.env-file", *serviceEnvFlag))
		}
	}
	return out
}

// discovered names the handlers that were asked what they serve, and has what that added to
// the exclusions.
var discovered struct {
	sync.Mutex
	asked      []string
	exclusions generators.Exclusions
}

// discover asks handlers what they serve, once, and excludes what they do not, and what can't be
// done to them.
func discover(ctx context.Context, o backend.Options) error {
	discovered.Lock()
	defer discovered.Unlock()
	name := handlersName(o.Handlers)
	if !o.Handlers.Given() || slices.Contains(discovered.asked, name) {
		return nil
	}
	contract, err := o.Discover(ctx)
	if err != nil {
		return err
	}
	unserved := harness.Unserved(contract)
	if len(unserved.Kinds()) == 0 {
		return fmt.Errorf("%s serves %s: none of Counter, MapObject and ListObject has the handlers that plans call (%s); docs/test-your-sdk.md says what they are",
			name, printable.Cut(strings.Join(contract.Services(), ", "), 300), unserved[0].Reason)
	}
	if !o.Handlers.Started() {
		unserved = append(unserved, harness.WithoutProcess()...)
	}
	if err := excludeDiscovered(name, unserved); err != nil {
		return err
	}
	discovered.asked = append(discovered.asked, name)
	return nil
}

// excludeDiscovered excludes what discovery found to be missing. A campaign that goes on keeps the
// exclusions that it began with: its plans can't be drawn if more is missing.
func excludeDiscovered(name string, missing generators.Exclusions) error {
	more := slices.DeleteFunc(slices.Clone(missing), func(e generators.Exclusion) bool {
		return exclusions.Excludes(e.What, e.Name) || excludedBy != "" && e.What == generators.ExcludedOperation && !exclusions.Draws(e.Name)
	})
	fault := slices.IndexFunc(more, func(e generators.Exclusion) bool { return e.What == generators.ExcludedFault })
	switch {
	case excludedBy != "" && fault >= 0:
		return fmt.Errorf("the campaign in %s was begun by an earlier retain: it draws faults that can't be done to %s (%s): begin another campaign",
			excludedBy, name, printable.Cut(more[fault:].String(), 300))
	case excludedBy != "" && len(more) > 0:
		return fmt.Errorf("the plans of the campaign in %s have what %s lacks now (%s): bring back the handlers that it began with, or begin another campaign",
			excludedBy, name, printable.Cut(more.String(), 300))
	}
	all := slices.Concat(exclusions, more)
	if err := all.Check(); err != nil {
		return fmt.Errorf("%s serves too little of what -exclude leaves: %w", name, err)
	}
	exclusions, discovered.exclusions = all, append(discovered.exclusions, more...)
	return nil
}

// handlersName names the handlers as the command line has them.
func handlersName(h backend.Handlers) string {
	if h.Image != "" {
		return "the image " + h.Image
	}
	return "the deployment at " + h.Backend.URL
}

// altered are the settings of the handlers.
func (f foreign) altered() (out model.Settings) {
	add := func(name, value, hash string) {
		out = append(out, flagSetting(model.ServiceSetting, name, value, hash))
	}
	switch {
	case f.url != "":
		add("deployment", f.url, "")
		for _, pair := range headerFlag.referenced() {
			name, _, _ := strings.Cut(pair, "=")
			add("deployment.header", name, "")
		}
	case f.image != "":
		add("service.image", f.image, "")
		if *serviceEnvFlag != "" {
			add("service.env-file", *serviceEnvFlag, digest(*serviceEnvFlag))
		}
	}
	return out
}
