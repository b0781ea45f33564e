package report

import "retain/model"

// Two arrows.
var _ = registerFault(model.Redeploy, faultStyle{
	order: 13, colour: 6, glyph: "M-5 -3 H4 L1 -5 M5 3 H-4 L-1 5", hatch: "M3 0 V4", tile: 6, border: "double", key: true,
})
