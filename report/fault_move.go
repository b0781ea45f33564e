package report

import "retain/model"

// An arrow.
var _ = registerFault(model.Move, faultStyle{
	order: 11, colour: 5, glyph: "M-5 0 H5 M1 -4 L5 0 L1 4", hatch: "M0 4 H4", tile: 6, border: "double", key: true,
})
