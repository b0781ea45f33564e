package report

import "retain/model"

// A star.
var _ = registerFault(model.Crash, faultStyle{
	order: 10, colour: 5, glyph: "M0 -5 V5 M-4.5 -2.5 L4.5 2.5 M-4.5 2.5 L4.5 -2.5", hatch: "M-1 9 L9 -1", tile: 6, border: "solid", key: true,
})
