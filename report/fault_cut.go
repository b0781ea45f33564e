package report

import "retain/model"

// A stroke with a gap.
var _ = registerFault(model.Cut, faultStyle{
	order: 6, colour: 2, glyph: "M-5 5 L-1 1 M1 -1 L5 -5", hatch: "M0 8 L3 5", tile: 8, border: "dashed", key: true,
})
