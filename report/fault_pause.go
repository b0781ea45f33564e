package report

import "retain/model"

// Two bars.
var _ = registerFault(model.Pause, faultStyle{
	order: 3, colour: 3, glyph: "M-3 -5 V5 M3 -5 V5", hatch: "M3 4 h2.4", tile: 8, border: "dotted", key: true,
})
