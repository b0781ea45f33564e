package harness

import "retain/model"

var _ = registerFault(model.Thaw, (*run).restore)
