package catalogue

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/model"
)

func TestEveryFaultAndKindHasAllParts(t *testing.T) {
	for _, m := range Missing() {
		t.Error(m)
	}
}

func TestMissingPartsNameTheirFiles(t *testing.T) {
	assert.Equal(t, []string{
		"add model/fault_reboot.go: where it applies and what it leaves",
		"add generators/fault_reboot.go: how plans draw it and where it meets operations",
		"add harness/fault_reboot.go: what it does to a runtime",
		"add report/fault_reboot.go: its form and its colour",
	}, missing("fault", model.FaultKind("reboot"), faultParts))
	assert.Equal(t, []string{
		"add model/kind_queue.go: its specification",
		"add generators/kind_queue.go: how plans draw its operations",
		"add service/reference/kind_queue.go: its handlers",
	}, missing("kind", model.Kind("queue"), kindParts))
}
