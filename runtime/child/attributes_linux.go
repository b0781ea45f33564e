package child

import "syscall"

// ownGroup makes the child the leader of a new process group, and the kernel
// kill it when its parent dies.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
