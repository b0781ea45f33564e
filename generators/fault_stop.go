package generators

import "retain/model"

var _ = registerFault(model.Stop, faultPart{role: strike, moments: Moments()})
