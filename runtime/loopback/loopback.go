// Package loopback draws TCP ports of this machine for servers that come and go.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"syscall"

	"github.com/prometheus/procfs"
)

// Host is the address whose ports are drawn.
const Host = "127.0.0.1"

// Draw draws a free port below the range that the system gives to outgoing connections, which
// would take the port of a server that is down. The socket is bound to it, and nobody else
// can bind it.
func Draw() (port, socket int, err error) {
	low, high := Range()
	for range 200 {
		port = low + rand.IntN(high-low)
		if socket, err = Bind(port, false); err == nil {
			return port, socket, nil
		}
	}
	return 0, 0, fmt.Errorf("find a free port from %d to %d: %w", low, high-1, err)
}

// Bind binds a new socket to the port on loopback. With reuse it succeeds
// beside other such sockets unless one listens, as a server's would.
func Bind(port int, reuse bool) (int, error) {
	syscall.ForkLock.RLock()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(socket)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return 0, fmt.Errorf("make a socket: %w", err)
	}
	if reuse {
		err = syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	if err == nil {
		err = syscall.Bind(socket, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("bind port %d: %w", port, err), syscall.Close(socket))
	}
	return socket, nil
}

// Range is where ports are drawn from, without its end: up to 12,000 ports
// below the first that the system gives to outgoing connections. Where these
// begin too low, ports above 10,000 have to do.
func Range() (low, high int) {
	high = 32768 // Linux's default
	if goruntime.GOOS != "linux" {
		high = 49152 // the default of BSD and macOS, as RFC 6335 has it
	}
	if proc, err := procfs.NewDefaultFS(); err == nil {
		if ephemeral, err := proc.SysctlInts("net.ipv4.ip_local_port_range"); err == nil && len(ephemeral) == 2 {
			high = ephemeral[0]
		}
	}
	const floor = 10000
	if high < floor+1000 {
		return floor, 32768
	}
	return max(floor, high-12000), high
}
