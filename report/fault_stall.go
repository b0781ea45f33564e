package report

import "retain/model"

// Two lines that stop.
var _ = registerFault(model.Stall, faultStyle{
	order: 9, colour: 4, glyph: "M-5 -3 H2 M-5 3 H2 M5 -5 V5", hatch: "M2 4 h3", tile: 9, border: "dotted", key: true,
})
