package report

import "retain/model"

// A triangle, as of a start.
var _ = registerFault(model.Accept, faultStyle{order: 14, glyph: "M-4 -5 L5 0 L-4 5 Z", past: "accepted"})
