package generators

import "retain/model"

var _ = registerFault(model.Stall, faultPart{role: disturbs, moments: []Moment{BeforeEffect, AfterEffect}})
