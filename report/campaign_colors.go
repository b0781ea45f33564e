package report

import (
	"maps"
	"retain/model"
	"slices"
)

// faultKinds are a map's kinds, known ones first.
func faultKinds[K ~string, V any](of map[K]V) (out []K) {
	for _, k := range knownKinds() {
		if _, there := of[K(k)]; there {
			out = append(out, K(k))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(of)) {
		if !slices.Contains(knownKinds(), model.FaultKind(k)) {
			out = append(out, k)
		}
	}
	return out
}

// faultKey names the colours of the bands.
func faultKey(bands []shade) (out []colourKey) {
	seen := map[model.FaultKind]bool{}
	for _, b := range bands {
		seen[b.kind] = true
	}
	for _, kind := range faultKinds(seen) {
		out = append(out, colourKey{classOf(faultColour(kind)), string(kind)})
	}
	return out
}
