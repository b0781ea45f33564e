// Package address keeps a TCP address for a server that comes and goes: while nobody
// listens there, connections are refused, and no other socket gets the port.
package address

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Address is a host and a port of this machine. A socket that is bound to it and never
// listens keeps it: the system gives the port to nobody else, and has nobody who accepts.
type Address struct {
	keeper *os.File
	at     netip.AddrPort
}

// Keep takes a port of a host that the system chooses. The host is an address of this
// machine.
func Keep(host string) (*Address, error) {
	ip, err := resolve(host)
	if err != nil {
		return nil, err
	}
	fd, at, err := bind(ip)
	if err != nil {
		return nil, fmt.Errorf("bind a port of %s: %w", host, err)
	}
	return &Address{keeper: os.NewFile(uintptr(fd), "port of "+host), at: at}, nil
}

func resolve(host string) (netip.Addr, error) {
	found, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("resolve %s: %w", host, err)
	}
	return found[0].Unmap(), nil
}

func bind(ip netip.Addr) (fd int, at netip.AddrPort, err error) {
	var want unix.Sockaddr = &unix.SockaddrInet4{}
	family := unix.AF_INET
	if ip.Is4() {
		want = &unix.SockaddrInet4{Addr: ip.As4()}
	} else {
		family, want = unix.AF_INET6, &unix.SockaddrInet6{Addr: ip.As16()}
	}
	syscall.ForkLock.RLock() // no child gets it
	fd, err = unix.Socket(family, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return 0, at, err
	}
	if err = errors.Join(shared(fd), unix.Bind(fd, want)); err != nil {
		_ = unix.Close(fd)
		return 0, at, err
	}
	got, err := unix.Getsockname(fd)
	if err != nil {
		_ = unix.Close(fd)
		return 0, at, err
	}
	port := 0
	switch got := got.(type) {
	case *unix.SockaddrInet4:
		port = got.Port
	case *unix.SockaddrInet6:
		port = got.Port
	}
	return fd, netip.AddrPortFrom(ip, uint16(port)), nil
}

// shared lets the keeper and the listener have one address. Without SO_REUSEADDR, the keeper
// has it to itself otherwise.
func shared(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }

// Listen listens at the address. Only one listener at a time is of use.
func (a *Address) Listen() (net.Listener, error) {
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var set error
		err := raw.Control(func(fd uintptr) { set = shared(int(fd)) })
		return errors.Join(err, set)
	}}
	l, err := c.Listen(context.Background(), "tcp", a.at.String())
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", a.at, err)
	}
	return l, nil
}

// URL is the base URL of an HTTP server at the address, without a trailing slash, under the
// name or address by which a client reaches this machine; "" is the address itself.
func (a *Address) URL(dialHost string) string {
	host := a.at.Addr().String()
	if dialHost != "" {
		host = dialHost
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(a.at.Port()))
}

// String is "127.0.0.1:8080".
func (a *Address) String() string { return a.at.String() }

// Close gives the address back.
func (a *Address) Close() error { return a.keeper.Close() }
