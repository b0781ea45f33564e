package runtime_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/runtime"
)

func TestIdentityParsesFromItsText(t *testing.T) {
	for _, i := range []runtime.Identity{
		{Version: "1.7.12", Build: "577e032", Backend: "process"},
		{Version: "1.7.12", Backend: "simulated"},
		{Version: "1.8.0-dev+x", Build: "", Backend: "container"},
		{Backend: "container"},
	} {
		back, ok := runtime.ParseIdentity(i.String())
		assert.True(t, ok, i)
		assert.Equal(t, i, back)
	}
	for _, other := range []string{"", "etcd 3.5, process", "restate-server 1.7.12", "restate-server 1.7.12, process and more"} {
		_, ok := runtime.ParseIdentity(other)
		assert.False(t, ok, other)
	}
}
