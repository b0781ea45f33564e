package report

import (
	"image/color"
	"maps"
	"slices"

	"retain/generators"
)

// knownKinds are the kinds of faults in the order of their bands.
var knownKinds = []string{string(generators.Kill), string(generators.Stop), string(generators.Pause)}

// faultColours are theirs; [colourOf] has those of kinds that come later.
var faultColours = map[string]color.RGBA{
	string(generators.Kill):  {0xd5, 0x5e, 0x00, 0xff},
	string(generators.Stop):  {0xcc, 0x79, 0xa7, 0xff},
	string(generators.Pause): {0xe6, 0x9f, 0x00, 0xff},
}

func faultColour(kind string) color.RGBA {
	if c, known := faultColours[kind]; known {
		return c
	}
	return palette[len(palette)-1]
}

// faultKinds are a map's kinds, known ones first.
func faultKinds[V any](of map[string]V) (out []string) {
	for _, k := range knownKinds {
		if _, there := of[k]; there {
			out = append(out, k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(of)) {
		if !slices.Contains(knownKinds, k) {
			out = append(out, k)
		}
	}
	return out
}

// faultKey names the colours of the bands.
func faultKey(bands []shade) (out []colourKey) {
	seen := map[color.RGBA]bool{}
	for _, b := range bands {
		seen[b.colour] = true
	}
	for _, k := range knownKinds {
		if c := faultColour(k); seen[c] {
			out = append(out, colourKey{hex(c), k})
		}
	}
	if c := palette[len(palette)-1]; seen[c] {
		out = append(out, colourKey{hex(c), "another fault"})
	}
	return out
}
