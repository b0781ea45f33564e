package generators

import "retain/model"

var _ = registerFault(model.Refuse, faultPart{role: disturbs, moments: []Moment{BeforeEffect, AfterEffect}})
