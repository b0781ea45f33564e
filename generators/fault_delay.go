package generators

import "retain/model"

var _ = registerFault(model.Delay, faultPart{role: disturbs, moments: []Moment{BeforeEffect}})
