//go:build !linux

package child

import "syscall"

// ownGroup makes the child the leader of a new process group. There is no
// parent-death signal here: the guardian has to do.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
