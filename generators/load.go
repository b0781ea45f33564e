package generators

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"retain/model"
)

// Load is clients beside a plan's program. Each always has one operation open, on
// objects of the load alone, from the first moment that the server is ready until the
// last fault has healed. It is a value, not steps: operation k of client c follows from
// it, from c and k, and from what that client saw. The zero value is no load.
//
// Operations of a load have idempotency keys, also where those of the program have none
// ([Config.Unkeyed]): they are many, and without keys all those in flight at a fault
// would stay open. [Config.Resolve] is for them too.
type Load struct {
	// Clients is how many there are, 0 to [MaxLoadClients].
	Clients int `json:"clients"`
	// Objects is how many objects they share, 1 to Clients: with one, the server queues
	// every exclusive call behind one key; with as many as clients, each has its own.
	Objects int `json:"objects"`
	// Seed is the seed of the operations.
	Seed uint64 `json:"-"`
	// Operations are the names of those that are drawn, of [Names]; nil for all. The
	// kinds of the objects follow from them.
	Operations []string `json:"operations,omitempty"`
	// Reads is how many of a hundred operations read; 0 for as many as the weights of
	// the operations give.
	Reads int `json:"reads,omitempty"`
	// Between is how many operations of the load are answered between two faults that
	// end the server, 0 for none in particular.
	Between int `json:"between,omitempty"`
}

// MaxLoadClients bounds the clients of a load.
const MaxLoadClients = 256

// maxBetween bounds the operations of a load between two faults.
const maxBetween = 100_000

// FirstLoadObject is the number of a load's first object. Those of the program have
// lower numbers where a plan has a load.
const FirstLoadObject = 1000

// String prints "16 clients on 2 objects, 250 operations between faults"; "" for none.
func (l Load) String() string {
	if l.Clients == 0 {
		return ""
	}
	out := fmt.Sprintf("%s on %s", plural(l.Clients, "client"), plural(l.Objects, "object"))
	if l.Between > 0 {
		out += fmt.Sprintf(", %s between faults", plural(l.Between, "operation"))
	}
	return out
}

// plural is a number of things: "1 client", "12 clients".
func plural(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func (l Load) validate() error {
	switch {
	case l.Clients == 0:
		if l.Objects != 0 || l.Seed != 0 || l.Operations != nil || l.Reads != 0 || l.Between != 0 {
			return errors.New("it has no clients: want at least 1, or no load")
		}
		return nil
	case l.Clients < 0 || l.Clients > MaxLoadClients:
		return fmt.Errorf("%d clients: want 1 to %d", l.Clients, MaxLoadClients)
	case l.Objects < 1 || l.Objects > l.Clients:
		return fmt.Errorf("%d objects: want 1 to %d, one for each client at most", l.Objects, l.Clients)
	case l.Reads < 0 || l.Reads > 100:
		return fmt.Errorf("%d reads in a hundred operations: want 1 to 100, or 0 for none in particular", l.Reads)
	case l.Between < 0 || l.Between > maxBetween:
		return fmt.Errorf("%d operations between faults: want 0 to %d", l.Between, maxBetween)
	}
	for i, name := range l.Operations {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("no operation is called %.40q: the operations are %s", name, strings.Join(Names(), ", "))
		}
		if slices.Contains(l.Operations[:i], name) {
			return fmt.Errorf("%s stands twice among the operations", name)
		}
	}
	return nil
}

// IsLoadObject reports whether an object belongs to a load.
func IsLoadObject(o model.Object) bool { return o.N >= FirstLoadObject }
