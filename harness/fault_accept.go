package harness

import "retain/model"

var _ = registerFault(model.Accept, (*run).restore)
