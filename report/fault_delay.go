package report

import "retain/model"

// A sand glass.
var _ = registerFault(model.Delay, faultStyle{
	order: 7, colour: 2, glyph: "M-4 -5 H4 L-4 5 H4 Z", filled: true, hatch: "M2 2 h2", tile: 6, border: "dotted", key: true,
})
