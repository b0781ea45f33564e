package process

import (
	"net"
	goruntime "runtime"
	"strconv"
	"syscall"

	"retain/runtime/loopback"
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
	return net.JoinHostPort(loopback.Host, strconv.Itoa(p.number[which]))
}

// drawPorts draws free ports. Each is bound by a socket that never listens: the next
// session that draws finds it taken, while the server can listen beside it, since both
// allow the address to be used again (socket(7), SO_REUSEADDR).
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
	number, socket, err := loopback.Draw()
	if err != nil {
		return err
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
	socket, err := loopback.Bind(p.number[which], true)
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
