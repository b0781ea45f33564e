package report

import "retain/model"

// A double bar with a line.
var _ = registerFault(model.Freeze, faultStyle{
	order: 12, colour: 6, glyph: "M-3 -5 V5 M3 -5 V5 M-5 0 H5", hatch: "M3 4 h2.4", tile: 6, border: "dotted", key: true,
})
