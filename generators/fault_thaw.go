package generators

import "retain/model"

var _ = registerFault(model.Thaw, faultPart{role: undo})
