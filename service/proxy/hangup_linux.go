package proxy

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hangUp makes a question of a connection: whether the other end has closed it,
// even if nobody has read that far yet.
func hangUp(c net.Conn) func() bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return func() bool { return false }
	}
	return func() bool {
		raw, err := sc.SyscallConn()
		if err != nil {
			return true // closed by ourselves
		}
		closed := false
		err = raw.Control(func(fd uintptr) {
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
			if n, err := unix.Poll(fds, 0); err == nil && n > 0 {
				closed = fds[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
			}
		})
		return err != nil || closed
	}
}
