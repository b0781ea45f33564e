package generators

import "retain/model"

var _ = registerFault(model.Resume, faultPart{role: undo})
