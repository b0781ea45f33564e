package generators

import "retain/model"

var _ = registerFault(model.Freeze, faultPart{role: disturbs, moments: []Moment{BeforeEffect, AfterEffect}})
