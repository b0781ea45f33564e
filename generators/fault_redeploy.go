package generators

import "retain/model"

var _ = registerFault(model.Redeploy, faultPart{role: disturbs, moments: []Moment{Acknowledged, BeforeEffect, AfterEffect}})
