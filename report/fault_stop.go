package report

import "retain/model"

// A square.
var _ = registerFault(model.Stop, faultStyle{
	order: 2, colour: 0, glyph: "M-4.5 -4.5 H4.5 V4.5 H-4.5 Z", filled: true, hatch: "M3 0 V8", tile: 7, border: "double", key: true,
})
