package generators

import "retain/model"

var _ = registerFault(model.Accept, faultPart{role: undo})
