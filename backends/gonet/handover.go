package gonet

import (
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// accepted holds the connections that Accept brought and no loop uses at
// present. A descriptor's number means the same in all of the process, so there
// is one table: the loop that accepts is seldom the one that serves.
var accepted handover

type handover struct {
	mu    sync.Mutex
	conns map[int32]handed
	// stale are connections whose descriptor was closed behind their back.
	// Letting go of one would let its finalizer close that number once more,
	// whoever has it by then; so they are kept.
	stale []net.Conn
}

type handed struct {
	conn   net.Conn
	cookie uint64 // the kernel's name for the socket, never used twice
}

func cookie(fd int32) uint64 {
	c, err := unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil {
		return 0
	}
	return c
}

// put leaves conn, whose descriptor is fd, for the loop that will use it.
func (h *handover) put(fd int32, conn net.Conn) {
	in := handed{conn, cookie(fd)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if old, ok := h.conns[fd]; ok {
		h.stale = append(h.stale, old.conn)
	}
	if h.conns == nil {
		h.conns = make(map[int32]handed)
	}
	h.conns[fd] = in
}

// take is the connection whose descriptor is fd, nil when there is none.
func (h *handover) take(fd int32) net.Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	in, ok := h.conns[fd]
	if !ok {
		return nil
	}
	delete(h.conns, fd)
	if c := cookie(fd); c == 0 || c != in.cookie {
		h.stale = append(h.stale, in.conn)
		return nil
	}
	return in.conn
}
