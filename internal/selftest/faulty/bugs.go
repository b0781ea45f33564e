package faulty

import (
	"time"

	restate "github.com/restatedev/sdk-go"
)

// count is the key of the state.
const count = "counter"

// handlers are those of one process.
type handlers struct {
	memory   *store // of the process
	database *store // of a server beside Restate
}

// of are the handlers that differ.
func (h handlers) of(b Bug) (adding, getting) {
	switch b {
	case AppliesTwice:
		return h.applyTwice, h.database.read
	case AnswersStale:
		return h.cacheForReads, h.readCache
	case KeepsInMemory:
		return h.keepInMemory, h.memory.read
	case SwallowsError:
		return h.swallowError, h.database.read
	case CachesInClosure:
		return h.cacheForAdds, state
	case StoresTime:
		return storeTime, state
	}
	return right, state
}

// state reads what Restate has.
func state(ctx restate.ObjectSharedContext) (int64, error) { return restate.Get[int64](ctx, count) }

// read reads what a store has.
func (s *store) read(ctx restate.ObjectSharedContext) (int64, error) {
	n, _ := s.get(restate.Key(ctx))
	return n, nil
}

// right is how it should be.
func right(ctx restate.ObjectContext, n int64) (change, error) {
	old, err := restate.Get[int64](ctx, count)
	if err != nil {
		return change{}, err
	}
	restate.Set(ctx, count, old+n)
	return change{old, old + n}, nil
}

// applyTwice forgets that what stands outside of the context's calls is done by each attempt.
func (h handlers) applyTwice(ctx restate.ObjectContext, n int64) (change, error) {
	return h.database.add(restate.Key(ctx), n), nil
}

// cacheForReads has the count from before this attempt in the cache while it runs, and
// refreshes that once for each invocation: the second attempt leaves the old one there.
func (h handlers) cacheForReads(ctx restate.ObjectContext, n int64) (change, error) {
	old, err := restate.Get[int64](ctx, count)
	if err != nil {
		return change{}, err
	}
	h.memory.set(restate.Key(ctx), old)
	restate.Set(ctx, count, old+n)
	if h.memory.insert(ctx.Request().ID) == nil {
		h.memory.set(restate.Key(ctx), old+n)
	}
	return change{old, old + n}, nil
}

func (h handlers) readCache(ctx restate.ObjectSharedContext) (int64, error) {
	if n, is := h.memory.get(restate.Key(ctx)); is {
		return n, nil
	}
	return state(ctx)
}

// keepInMemory is right while the process lives.
func (h handlers) keepInMemory(ctx restate.ObjectContext, n int64) (change, error) {
	return h.memory.addOnce(ctx.Request().ID, restate.Key(ctx), n), nil
}

// swallowError takes it for done what an attempt before has begun.
func (h handlers) swallowError(ctx restate.ObjectContext, n int64) (change, error) {
	old, _ := h.database.get(restate.Key(ctx))
	if err := h.database.insert(ctx.Request().ID); err == nil {
		_, _ = h.database.write(ctx, restate.Key(ctx), n)
	}
	return change{old, old + n}, nil
}

// cacheForAdds saves itself a read of the state that the process has written itself.
func (h handlers) cacheForAdds(ctx restate.ObjectContext, n int64) (change, error) {
	old, is := h.memory.get(restate.Key(ctx))
	if !is {
		var err error
		if old, err = restate.Get[int64](ctx, count); err != nil {
			return change{}, err
		}
	}
	h.memory.set(restate.Key(ctx), old+n)
	restate.Set(ctx, count, old+n)
	return change{old, old + n}, nil
}

// storeTime has another journal in each attempt.
func storeTime(ctx restate.ObjectContext, n int64) (change, error) {
	restate.Set(ctx, "changed", time.Now().UnixNano())
	return right(ctx, n)
}
