package process

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	goruntime "runtime"
	"strconv"
	"syscall"

	"github.com/prometheus/procfs"
)

// The ports of a server.
const (
	ingressPort = iota
	adminPort
	nodePort
	portCount
)

// ports are a server's ports, kept for it also while it is down where the
// system lets us.
type ports struct {
	number [portCount]int
	held   [portCount]int // a socket, 0 for none
}

func (p *ports) address(which int) string {
	return net.JoinHostPort(loopback, strconv.Itoa(p.number[which]))
}

// drawPorts draws free ports below the range that the system gives to outgoing
// connections, which would take the port of a server that is down. Each is
// bound by a socket that never listens: the next session that draws finds it
// taken, while the server can listen beside it, since both allow the address to
// be used again (socket(7), SO_REUSEADDR).
func drawPorts() (*ports, error) {
	p := &ports{}
	for which := range p.number {
		if err := p.draw(which); err != nil {
			p.release()
			return nil, err
		}
	}
	return p, nil
}

// draw gives one port another number.
func (p *ports) draw(which int) error {
	low, high := portRange()
	var last error
	for range 200 {
		number := low + rand.IntN(high-low)
		socket, err := bind(number, false)
		if err != nil {
			last = err
			continue
		}
		p.drop(which)
		p.number[which] = number
		if keepBound {
			// Bound without it, so that only a port that nobody uses is drawn;
			// set now, for the server.
			_ = syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
			p.held[which] = socket
		} else {
			_ = syscall.Close(socket)
		}
		return nil
	}
	return fmt.Errorf("find a free port from %d to %d: %w", low, high-1, last)
}

// redraw replaces the ports that are taken. The others stay.
func (p *ports) redraw() error {
	for which := range p.number {
		if p.free(which) {
			continue
		}
		if err := p.draw(which); err != nil {
			return err
		}
	}
	return nil
}

// keepBound: BSD sockets do not share an address in this way.
const keepBound = goruntime.GOOS == "linux"

// free reports whether a server could listen on the port now. It never listens
// itself: a client that still tries the old address would be let in.
func (p *ports) free(which int) bool {
	socket, err := bind(p.number[which], true)
	if err != nil {
		return false
	}
	_ = syscall.Close(socket)
	return true
}

// release gives the ports back; p may be nil.
func (p *ports) release() {
	if p == nil {
		return
	}
	for which := range p.held {
		p.drop(which)
	}
}

func (p *ports) drop(which int) {
	if p.held[which] != 0 {
		_ = syscall.Close(p.held[which])
		p.held[which] = 0
	}
}

// bind binds a new socket to the port on loopback. With reuse it succeeds
// beside other such sockets unless one listens, as a server's would.
func bind(port int, reuse bool) (int, error) {
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

// portRange is where ports are drawn from, without its end: up to 12,000 ports
// below the first that the system gives to outgoing connections. Where these
// begin too low, ports above 10,000 have to do.
func portRange() (low, high int) {
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
