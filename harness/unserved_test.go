package harness_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/service"
)

// Handlers that the ingress refuses to call are not called, with that reason.
func TestPrivateHandlersAreNotServed(t *testing.T) {
	contract := service.Contract{
		"Counter/add": service.Exclusive, "Counter/get": service.Shared, "Counter/reset": service.Private,
		"ListObject/append": service.Exclusive, "ListObject/get": service.Private, "ListObject/clear": service.Exclusive,
	}
	reasons := map[string]string{}
	unserved := harness.Unserved(contract)
	for _, e := range unserved {
		reasons[e.Name] = e.Reason
	}
	assert.Equal(t, []model.Kind{model.Counter}, unserved.Kinds())
	assert.Equal(t, "the ingress may not call Counter/reset: the deployment says that it is private", reasons["counter reset"])
	assert.Equal(t, "the deployment does not serve Counter/addThenFail", reasons["counter addThenFail"])
	assert.NotContains(t, reasons, "counter add")
	assert.Equal(t, "the ingress may not call ListObject/get, which shows what an object has: the deployment says that it is private", reasons["list"])
	assert.Equal(t, "the deployment does not serve MapObject", reasons["map"])
	assert.True(t, unserved.Excludes(generators.ExcludedObject, "list"))
}

// A call that the server gives up during an outage could be neither lost nor kept.
func TestHandlersThatAreNotRetriedForLongAreNotServed(t *testing.T) {
	unserved := harness.Unserved(service.Contract{
		"Counter/add": service.Exclusive, "Counter/reset": service.Limited, "Counter/get": service.Shared, "MapObject/set": service.Exclusive, "MapObject/get": service.Limited,
	})
	reasons := map[string]string{}
	for _, e := range unserved {
		reasons[e.Name] = e.Reason
	}
	assert.Equal(t, "an outage outlasts the retry policy of Counter/reset: set no limit to its attempts for the test", reasons["counter reset"])
	assert.Contains(t, reasons["map"], "an outage outlasts the retry policy of MapObject/get, which shows what an object has")
	assert.True(t, unserved.Excludes(generators.ExcludedObject, "map"))
}

// A service whose name only ends in that of a kind's is another one.
func TestNameOfAnotherServiceIsNotThatOfAKind(t *testing.T) {
	for _, e := range harness.Unserved(service.Contract{"MyCounter/get": service.Shared}) {
		if e.Name == string(model.Counter) {
			assert.Equal(t, "the deployment does not serve Counter", e.Reason)
		}
	}
}
