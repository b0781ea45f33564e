package model

// ReadHistoryWithin is [ReadHistory] with another bound of a line.
var ReadHistoryWithin = readHistory

// RegisterKind registers a kind a second time.
func RegisterKind(s *KindSpec) { registerKind(*s) }
