package checker

import (
	"retain/model"
)

// part is a piece of an object's history that must have a legal order by itself.
type part struct {
	kind model.Kind
	// name is the map's entry, "" for no single one.
	name    string
	records []record
}

// entriesAndWhole cuts a map. Its entries are objects by themselves, as long as nothing
// touches more than one of them. clearAll does: it joins them, and then the last part is
// the whole map, the entries before it only prove violations cheaply. (Taking
// clearAll for a read of each entry would hide violations: two entries may each
// be legal with an order of the clearAlls of its own.) With a single entry there is
// nothing to join.
//
// To a shared reader clearAll is not atomic, it sees the entries go one by one;
// exclusive handlers still see it whole. Where get is shared, the last part is
// therefore the map without its gets, and the gets are judged entry by entry.
// That is weaker than the runtime's promise, never stronger.
func entriesAndWhole(records []record, sharedGet bool) []part {
	entries, clears := entriesOf(records)
	var out []part
	for _, e := range entries {
		e.records = withClears(e.name, e.records, clears)
		out = append(out, e)
	}
	switch {
	case len(clears) == 0 || len(entries) == 1 && showOnly(clears, entries[0].name):
	case sharedGet:
		out = append(out, part{kind: model.Map, records: exclusive(records)})
	default:
		out = append(out, part{kind: model.Map, records: records})
	}
	return out
}

// entriesOf sorts a map's records by entry, in the order of first calls, and the
// clearAlls apart.
func entriesOf(records []record) (entries []part, clears []record) {
	numbers := map[string]int32{}
	of := make([]int32, len(records))
	var sizes []int
	for i, r := range records {
		key := ""
		switch op := r.op.(type) {
		case model.MapSet:
			key = op.Key
		case model.MapGet:
			key = op.Key
		default:
			of[i] = none
			clears = append(clears, r)
			continue
		}
		n, known := numbers[key]
		if !known {
			n = int32(len(entries))
			numbers[key] = n
			entries, sizes = append(entries, part{kind: model.Map, name: key}), append(sizes, 0)
		}
		of[i] = n
		sizes[n]++
	}
	for n := range entries {
		entries[n].records = make([]record, 0, sizes[n])
	}
	for i, r := range records {
		if of[i] != none {
			entries[of[i]].records = append(entries[of[i]].records, r)
		}
	}
	return entries, clears
}

// showOnly reports whether the clearAlls saw no entry but the one.
func showOnly(clears []record, entry string) bool {
	for _, c := range clears {
		all, _ := c.answer.(model.Entries)
		for _, e := range all {
			if e.Key != entry {
				return false
			}
		}
	}
	return true
}

// exclusive are a map's records without its gets.
func exclusive(records []record) []record {
	var out []record
	for _, r := range records {
		if !r.op.ReadOnly() {
			out = append(out, r)
		}
	}
	return out
}

// withClears adds the clearAlls to an entry's records, by call, with what they
// answered about that entry.
func withClears(key string, records, clears []record) []record {
	if len(clears) == 0 {
		return records
	}
	out := make([]record, 0, len(records)+len(clears))
	for len(records) > 0 || len(clears) > 0 {
		if len(clears) == 0 || len(records) > 0 && records[0].call < clears[0].call {
			out, records = append(out, records[0]), records[1:]
			continue
		}
		c := clears[0]
		if all, ok := c.answer.(model.Entries); ok {
			mine := model.Entries{}
			for _, e := range all {
				if e.Key == key {
					mine = append(mine, e)
				}
			}
			c.answer = mine
		}
		out, clears = append(out, c), clears[1:]
	}
	return out
}
