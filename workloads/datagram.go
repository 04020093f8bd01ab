package workloads

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// Datagrams reports whether a network carries datagrams, without connections.
func Datagrams(network string) bool { return network == "udp" || network == "udp6" }

// datagramBuf is a buffer for any datagram: none is cut. Of a small one only
// the first page is touched.
const datagramBuf = backends.DatagramHead + 1<<16

// datagramBufs is how many of them a loop has at most. They are filled only by
// what one Wait brings, for an answer is sent at once; the rest waits in the
// socket.
const datagramBufs = 1024

// socketBuffer is what a server asks the kernel to hold of datagrams, in bytes:
// some thousands of small ones. What does not fit is lost.
const socketBuffer = 8 << 20

// bindDatagrams opens a socket for each loop; with more than one, the kernel
// spreads senders over them (SO_REUSEPORT). The workers of a pool share one. It
// returns the address with the port that was chosen.
func bindDatagrams(cfg Config, t backends.Traits) (fds []int, addr string, err error) {
	n, workers := max(cfg.Loops, 1), 1
	if t.Blocking && !t.Spawn {
		n, workers = 1, cfg.receivers(t)
	}
	defer func() {
		if err != nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
			fds = nil
		}
	}()
	sa, domain, err := sockaddr(cfg.Network, cfg.Address)
	if err != nil {
		return nil, "", err
	}
	for i := range n {
		fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fds, "", fmt.Errorf("open a socket: %w", err)
		}
		fds = append(fds, fd)
		// The first must find the address free, or we would share it with
		// another server, which gets some of the datagrams.
		if i > 0 {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
				return fds, "", fmt.Errorf("set SO_REUSEPORT: %w", err)
			}
		}
		if err := unix.Bind(fd, sa); err != nil {
			return fds, "", bindError(cfg.Network, cfg.Address, err)
		}
		if i == 0 && n > 1 { // set after bind(2), it lets others join
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
				return fds, "", fmt.Errorf("set SO_REUSEPORT: %w", err)
			}
		}
		enlarge(fd)
		if i == 0 {
			if sa, err = unix.Getsockname(fd); err != nil {
				return fds, "", fmt.Errorf("getsockname: %w", err)
			}
		}
	}
	for len(fds) < workers {
		fds = append(fds, fds[0])
	}
	return fds, format(sa), nil
}

// enlarge asks for socket buffers beyond net.core.rmem_max and wmem_max, which
// takes CAP_NET_ADMIN, and else for as much as those allow. That it is not had
// shows in what is lost.
func enlarge(fd int) {
	for _, o := range [][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, o[0], socketBuffer) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, o[1], socketBuffer)
		}
	}
}

// receivers is how many goroutines of a blocking backend serve datagrams. They
// wait for nothing but the next one, so of a pool that is not limited there is
// one a CPU; package net has one a socket, as its users do.
func (cfg Config) receivers(t backends.Traits) int {
	switch {
	case t.Spawn:
		return max(cfg.Loops, 1)
	case cfg.Workers > 0:
		return cfg.Workers
	case len(cfg.CPUs) > 0:
		return len(cfg.CPUs)
	}
	return runtime.NumCPU()
}

// A datagramLoop sends back what comes to one socket. Sends overtake each other
// as they may: nobody is promised an order.
type datagramLoop struct {
	loop  backends.Loop
	recv  backends.Op
	pause backends.Op
	sends []*backends.Op // to use again
}

// echoDatagrams makes a loop serve a socket.
func (s *Server) echoDatagrams(l backends.Loop, fd int) {
	d := &datagramLoop{loop: l}
	d.recv = backends.Op{Code: backends.RecvFrom, Flags: backends.SelectBuf, FD: int32(fd), Done: d}
	d.pause = backends.Op{Code: backends.Timeout, Off: 10e6, Done: d}
	if !s.traits.Blocking {
		d.recv.Flags |= backends.Multishot
	}
	l.Submit(&d.recv)
}

// Complete receives the outcome of the loop's ops.
func (d *datagramLoop) Complete(c *backends.Completion) {
	switch {
	case c.Op == &d.pause:
		d.loop.Submit(&d.recv)
	case c.Op != &d.recv:
		d.sent(c.Op) // an answer that could not be sent is lost, as any may be
	case c.Res >= 0:
		d.answer(c.Buf)
	case !c.More:
		d.loop.Submit(&d.pause) // out of memory, perhaps
	}
}

// answer sends a datagram to where it came from.
func (d *datagramLoop) answer(buf []byte) {
	var op *backends.Op
	if n := len(d.sends); n > 0 {
		op, d.sends = d.sends[n-1], d.sends[:n-1]
	} else {
		op = &backends.Op{Code: backends.SendTo, Flags: backends.SelectBuf | backends.Inline, FD: d.recv.FD, Done: d}
	}
	op.Buf = buf
	if d.loop.Submit(op) {
		d.sent(op)
	}
}

func (d *datagramLoop) sent(op *backends.Op) {
	d.loop.Recycle(op.Buf)
	op.Buf = nil
	d.sends = append(d.sends, op)
	if !d.recv.Lent() && !d.pause.Lent() { // one that is not armed: the next turn
		d.loop.Submit(&d.recv)
	}
}
