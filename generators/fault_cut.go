package generators

import "retain/model"

var _ = registerFault(model.Cut, faultPart{role: disturbs, moments: []Moment{BeforeEffect, AfterEffect}})
