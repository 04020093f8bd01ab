package backendtest_test

import "golang.org/x/sys/unix"

// A model is what one connection must do: the kernel's rules for a stream
// socket, written down once, for every backend to be compared with. It counts
// bytes; that they are the right ones is checked by content.
type model struct {
	tcp      bool
	closed   bool       // by the owner
	inbox    int        // sent by the peer and not received
	peerEOF  bool       // nothing more will come, in order
	peerGone bool       // the peer has no end any more
	err      unix.Errno // pending on the socket, told once
	shutRd   bool
	shutWr   bool
	armed    recvKind // the receive that waits
	room     int      // its buffer
}

type recvKind int

const (
	none recvKind = iota
	own
	chosen
	multi
)

// An outcome is what a receive does next: bytes, and how it ends if it does.
type outcome struct {
	bytes int
	ended bool
	res   int32 // of the last completion, when it is not the bytes
}

// settle is the outcome of the armed receive in the state as it is.
func (m *model) settle() (o outcome) {
	if m.armed == none {
		return o
	}
	if m.armed != multi {
		if o.bytes = min(m.inbox, m.room); o.bytes > 0 {
			m.inbox -= o.bytes
			m.armed = none
			o.ended, o.res = true, int32(o.bytes)
			return o
		}
	} else {
		o.bytes, m.inbox = m.inbox, 0
	}
	switch {
	case m.peerEOF, m.shutRd && m.err == 0:
		o.ended = true
	case m.err != 0:
		o.ended, o.res = true, -int32(m.err)
		m.err = 0
		m.peerEOF = true // once told, the error reads as an end
	}
	if o.ended {
		m.armed = none
	}
	return o
}

func (m *model) peerCanSend() bool {
	if m.closed || m.peerEOF || m.peerGone {
		return false
	}
	// A Unix peer is told that the owner receives no more. A TCP peer is not:
	// its bytes still arrive, unless the owner has shut both sides, when they
	// are answered by a reset (tcp_rcv_state_process, FIN_WAIT states).
	return !m.shutRd || m.tcp && !m.shutWr
}

// reset is the peer going away for good: by RST on TCP, by close on Unix.
func (m *model) reset() {
	m.peerGone = true
	switch {
	case !m.tcp:
		m.peerEOF = true
	case m.peerEOF:
		m.err = unix.EPIPE // after its FIN: nothing to receive was lost
	default:
		m.err = unix.ECONNRESET
	}
}

// send is the result of sending n bytes, few enough to fit.
func (m *model) send(n int) int32 {
	switch {
	case m.err != 0:
		e := m.err
		m.err = 0
		m.peerEOF = true
		return -int32(e)
	case m.shutWr, m.peerGone:
		return -int32(unix.EPIPE)
	}
	return int32(n)
}

// canShutdown is false where the answer depends on how far the farewell has got.
func (m *model) canShutdown() bool {
	return !m.closed && !(m.tcp && (m.peerGone || m.peerEOF && m.shutWr))
}
