package generators

import "retain/model"

var _ = registerFault(model.Move, faultPart{role: disturbs, moments: []Moment{BeforeEffect, AfterEffect}})
