package reference

import (
	"fmt"

	restate "github.com/restatedev/sdk-go"

	"retain/model"
)

// kinds make the services of the kinds of objects. Each kind's handlers stand in a file
// of their own, kind_NAME.go, and register there.
var kinds = map[model.Kind]func() restate.ServiceDefinition{}

func registerKind(k model.Kind, service func() restate.ServiceDefinition) model.Kind {
	kinds[k] = service
	return k
}

// Serves reports whether handlers serve a kind of object.
func Serves(k model.Kind) bool { return kinds[k] != nil }

// objects are the services of every kind of object.
func objects() ([]restate.ServiceDefinition, error) {
	var out []restate.ServiceDefinition
	for _, k := range model.Kinds() {
		service := kinds[k]
		if service == nil {
			return nil, fmt.Errorf("no handlers serve a %s: add service/reference/kind_%s.go", k, k)
		}
		out = append(out, service())
	}
	return out, nil
}
