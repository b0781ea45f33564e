package generators

import "retain/model"

var _ = registerFault(model.Start, faultPart{role: undo})
