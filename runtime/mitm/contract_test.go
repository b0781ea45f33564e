package mitm_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/mitm"
	"retain/runtime/runtimetest"
	"retain/runtime/simulated"
)

func TestInterceptedRuntimeKeepsTheContract(t *testing.T) {
	suite := runtimetest.New(runtimetest.Fixture{
		Backend: "simulated", Another: "1.6.2",
		Save: runtimetest.SaveCounter,
		New: func(context.Context) (runtime.Runtime, error) {
			return mitm.New(simulated.New(simulated.Options{}), mitm.Options{}), nil
		},
	})
	for _, test := range append(suite.Tests(), suite.Close()) {
		t.Run(test.Name, func(t *testing.T) { require.NoError(t, test.Run(t.Context())) })
	}
}
