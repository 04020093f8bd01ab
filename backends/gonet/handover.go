package gonet

import (
	"fmt"
	"net"
	"sync"
)

// accepted holds the connections that Accept brought and no loop uses at
// present. A descriptor's number means the same in all of the process, so there
// is one table: the loop that accepts is seldom the one that serves.
var accepted handover

type handover struct {
	mu    sync.Mutex
	conns map[int32]net.Conn
}

// put leaves conn, whose descriptor is fd, for the loop that will use it. Another under
// that number was closed by something else than a Close op: its finalizer would close
// the number once more, whoever has it by then.
func (h *handover) put(fd int32, conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns[fd] != nil {
		panic(fmt.Sprintf("gonet: accepted descriptor %d was not closed by a Close op", fd))
	}
	if h.conns == nil {
		h.conns = make(map[int32]net.Conn)
	}
	h.conns[fd] = conn
}

// take is the connection whose descriptor is fd, nil when there is none.
func (h *handover) take(fd int32) net.Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	conn := h.conns[fd]
	delete(h.conns, fd)
	return conn
}
