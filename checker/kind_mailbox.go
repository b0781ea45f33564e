package checker

import "retain/model"

// A mailbox is decided as the list that it is: what was sent to it has the interval that
// [recordOf] gives it.
var _ = registerKind(model.Mailbox, listPart)
