package generators

import "retain/model"

// Nothing recovers from a pause.
var _ = registerFault(model.Pause, faultPart{role: aside, moments: []Moment{Acknowledged, BeforeEffect, AfterEffect, FirstAfter, Spanning}})
