package simulated_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/runtimetest"
	"retain/runtime/simulated"
)

func TestRuntimeKeepsItsContract(t *testing.T) {
	suite := runtimetest.New(runtimetest.Fixture{
		Backend: "simulated", Another: "1.6.2",
		Save: runtimetest.SaveCounter,
		New: func(context.Context) (runtime.Runtime, error) {
			return simulated.New(simulated.Options{}), nil
		},
	})
	for _, test := range append(suite.Tests(), suite.Close()) {
		t.Run(test.Name, func(t *testing.T) { require.NoError(t, test.Run(t.Context())) })
	}
}
