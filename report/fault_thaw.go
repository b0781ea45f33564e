package report

import "retain/model"

// A triangle, as of a start.
var _ = registerFault(model.Thaw, faultStyle{order: 16, glyph: "M-4 -5 L5 0 L-4 5 Z", past: "thawed"})
