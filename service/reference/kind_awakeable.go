package reference

import (
	"fmt"
	"strings"

	restate "github.com/restatedev/sdk-go"

	"retain/model"
)

const publishedKey = "published"

var _ = registerKind(model.Awakeables, awakeable)

func awakeable() restate.ServiceDefinition {
	return restate.NewObject("Awakeable").
		Handler("await", restate.NewObjectSharedHandler(await)).
		Handler("publish", restate.NewObjectHandler(publish)).
		Handler("relay", restate.NewObjectHandler(relayCompletion)).
		Handler("id", restate.NewObjectSharedHandler(publishedID)).
		Handler("get", restate.NewObjectHandler(getPublished))
}

// publication is an awakeable's id, and the value that names it.
type publication struct {
	Value string `json:"value"`
	ID    string `json:"id"`
}

// completion is what the awakeable of a value is completed with.
type completion struct {
	Value string `json:"value"`
	With  string `json:"with"`
}

// idKey is the state key of the awakeable that a value names.
func idKey(value string) string { return "id " + value }

// await publishes an awakeable under the value and awaits it. It sleeps before it awaits, so that a
// completion can come first.
func await(ctx restate.ObjectSharedContext, d delayed) (string, error) {
	awakeable := restate.Awakeable[string](ctx)
	_, err := restate.Object[restate.Void](ctx, "Awakeable", restate.Key(ctx), "publish").
		Request(publication{Value: d.Value, ID: awakeable.Id()})
	if err != nil {
		return "", err
	}
	if d.DelayMs > 0 {
		if err := restate.Sleep(ctx, d.delay()); err != nil {
			return "", err
		}
	}
	return awakeable.Result()
}

// publish counts the awakeable, and keeps its number and its id.
func publish(ctx restate.ObjectContext, p publication) (restate.Void, error) {
	published, err := getPublished(ctx, restate.Void{})
	if err != nil {
		return restate.Void{}, err
	}
	published++
	restate.Set(ctx, publishedKey, published)
	restate.Set(ctx, idKey(p.Value), fmt.Sprintf("#%d %s", published, p.ID))
	return restate.Void{}, nil
}

// relayCompletion completes an awakeable, and answers whether it is published.
func relayCompletion(ctx restate.ObjectContext, c completion) (bool, error) {
	published, err := publishedID(ctx, c.Value)
	if err != nil || published == "" {
		return false, err
	}
	_, id, _ := strings.Cut(published, " ")
	restate.ResolveAwakeable(ctx, id, c.With)
	return true, nil
}

// publishedID answers "#3 prom_1abc", "" if nothing is published under the value.
func publishedID(ctx restate.ObjectSharedContext, value string) (string, error) {
	return restate.Get[string](ctx, idKey(value))
}

func getPublished(ctx restate.ObjectContext, _ restate.Void) (int64, error) {
	return restate.Get[int64](ctx, publishedKey)
}
