package report

import "retain/model"

// A triangle, as of a start.
var _ = registerFault(model.Resume, faultStyle{order: 5, glyph: "M-4 -5 L5 0 L-4 5 Z", past: "resumed", key: true})
