package checker

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/model"
)

// What the ingress refused was sent.
func TestARefusedOperationThatHadAnEffect(t *testing.T) {
	h := history(t, `0 register-0 1 2! write("b")
		0 register-0 3 4 read() => "b"`)
	h.Operations[0].Reason = model.Rejected
	assert.Equal(t, "an operation that was refused had an effect", Check(h, Options{}).Objects[0].Guarantee)
}
