package harness

import "retain/model"

var _ = registerFault(model.Release, (*run).restore)
