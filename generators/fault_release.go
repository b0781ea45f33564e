package generators

import "retain/model"

var _ = registerFault(model.Release, faultPart{role: undo})
