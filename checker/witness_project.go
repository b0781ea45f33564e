package checker

import (
	"slices"

	"retain/model"
)

// elements lists the elements of a list, in the order in which they first come up.
func (w *witness) elements() []string {
	return w.values(func(e entry) string { return e.value })
}

// keys lists the keys of a map, in the order in which they first come up.
func (w *witness) keys() []string {
	return w.values(func(e entry) string { return e.key })
}

func (w *witness) values(of func(entry) string) []string {
	var out []string
	known := map[string]bool{}
	note := func(e entry) {
		if v := of(e); !known[v] {
			known[v] = true
			out = append(out, v)
		}
	}
	for _, r := range w.records {
		if e, writes := r.writes(); writes {
			note(e)
		}
		r.eachSeen(note)
	}
	return out
}

// keysBut are a map's keys but for one.
func (w *witness) keysBut(key string) []string {
	return slices.DeleteFunc(w.keys(), func(k string) bool { return k == key })
}

// withoutElements is the list without some elements: a legal order of the whole stays
// one.
func (w *witness) withoutElements(values []string) []record {
	gone := setOf(values)
	var out []record
	for _, r := range w.records {
		if value, ok := model.Appended(r.op); ok && gone[value] {
			continue
		}
		if list, ok := r.answer.(model.Texts); ok {
			left := make(model.Texts, 0, len(list))
			for _, v := range list {
				if !gone[v] {
					left = append(left, v)
				}
			}
			r.answer = left
		}
		out = append(out, r)
	}
	return out
}

// withoutKeys is the map without some entries.
func (w *witness) withoutKeys(keys []string) []record {
	gone := setOf(keys)
	var out []record
	for _, r := range w.records {
		switch op := r.op.(type) {
		case model.MapSet:
			if gone[op.Key] {
				continue
			}
		case model.MapGet:
			if gone[op.Key] {
				continue
			}
		}
		if all, ok := r.answer.(model.Entries); ok {
			left := make(model.Entries, 0, len(all))
			for _, e := range all {
				if !gone[e.Key] {
					left = append(left, e)
				}
			}
			r.answer = left
		}
		out = append(out, r)
	}
	return out
}
