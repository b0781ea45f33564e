package reference

import (
	"retain/model"

	restate "github.com/restatedev/sdk-go"
)

// entry is one entry of a MapObject. Its key is also its state key.
type entry struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

var _ = registerKind(model.Map, mapObject)

func mapObject() restate.ServiceDefinition {
	return restate.NewObject("MapObject").
		Handler("set", restate.NewObjectHandler(setEntry)).
		Handler("get", restate.NewObjectHandler(getEntry)).
		Handler("clearAll", restate.NewObjectHandler(clearAll))
}

func setEntry(ctx restate.ObjectContext, e entry) (restate.Void, error) {
	restate.Set(ctx, e.Key, e.Value)
	return restate.Void{}, nil
}

func getEntry(ctx restate.ObjectContext, key string) (string, error) {
	value, err := restate.Get[string](ctx, key)
	if err != nil {
		return "", err
	}
	return value, nil
}

func clearAll(ctx restate.ObjectContext, _ restate.Void) ([]entry, error) {
	keys, err := restate.Keys(ctx)
	if err != nil {
		return nil, err
	}
	// An empty map answers [], never null.
	entries := make([]entry, 0, len(keys))
	for _, key := range keys {
		value, err := restate.Get[string](ctx, key)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{Key: key, Value: value})
	}
	restate.ClearAll(ctx)
	return entries, nil
}
