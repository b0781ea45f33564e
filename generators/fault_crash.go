package generators

import "retain/model"

var _ = registerFault(model.Crash, faultPart{role: disturbs, moments: []Moment{Acknowledged, BeforeEffect, AfterEffect}})
