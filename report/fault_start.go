package report

import "retain/model"

// A triangle.
var _ = registerFault(model.Start, faultStyle{order: 4, glyph: "M-4 -5 L5 0 L-4 5 Z", filled: true})
