package report

import "retain/model"

// A crossed circle.
var _ = registerFault(model.Refuse, faultStyle{
	order: 8, colour: 4, glyph: "M5 0 A5 5 0 1 1 -5 0 A5 5 0 1 1 5 0 M-3.5 3.5 L3.5 -3.5", hatch: "M0 1 L8 7", tile: 9, border: "solid", key: true,
})
