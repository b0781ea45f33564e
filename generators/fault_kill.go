package generators

import "retain/model"

var _ = registerFault(model.Kill, faultPart{role: strike, moments: Moments()})
