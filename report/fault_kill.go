package report

import "retain/model"

// A cross.
var _ = registerFault(model.Kill, faultStyle{
	order: 1, colour: 1, glyph: "M-5 -5 L5 5 M-5 5 L5 -5", hatch: "M-1 9 L9 -1 M-1 1 L1 -1 M7 9 L9 7", tile: 8, border: "solid", key: true,
})
