package reference

import (
	"retain/model"

	restate "github.com/restatedev/sdk-go"
)

const listKey = "list"

var _ = registerKind(model.List, listObject)

func listObject() restate.ServiceDefinition {
	return restate.NewObject("ListObject").
		Handler("append", restate.NewObjectHandler(appendValue)).
		Handler("get", restate.NewObjectHandler(getList)).
		Handler("clear", restate.NewObjectHandler(clearList))
}

func appendValue(ctx restate.ObjectContext, value string) (restate.Void, error) {
	list, err := getList(ctx, restate.Void{})
	if err != nil {
		return restate.Void{}, err
	}
	restate.Set(ctx, listKey, append(list, value))
	return restate.Void{}, nil
}

func getList(ctx restate.ObjectContext, _ restate.Void) ([]string, error) {
	list, err := restate.Get[[]string](ctx, listKey)
	if err != nil {
		return nil, err
	}
	if list == nil {
		// An empty list answers [], never null.
		return []string{}, nil
	}
	return list, nil
}

func clearList(ctx restate.ObjectContext, _ restate.Void) ([]string, error) {
	list, err := getList(ctx, restate.Void{})
	if err != nil {
		return nil, err
	}
	restate.Clear(ctx, listKey)
	return list, nil
}
