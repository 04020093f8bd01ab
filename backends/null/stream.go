package null

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// room is what a stream holds between a send and a receive. A send that finds
// less than its length completes short; one that finds none waits.
const room = 64 << 10

// A stream is what one descriptor number leads to: back to itself.
type stream struct {
	ring     []byte // room bytes, made at first need, kept over Close
	head, n  int
	recvs    opList // wait for bytes, or for a buffer
	sends    opList // wait for room
	shutWr   bool   // nothing more will be sent: the end follows what is there
	shutRd   bool
	starving bool // on the loop's list of streams that need a buffer
}

// reset forgets a connection but not its memory.
func (s *stream) reset() {
	s.head, s.n, s.shutWr, s.shutRd = 0, 0, false, false
}

// push stores what there is room for.
func (s *stream) push(b []byte) int {
	if s.ring == nil {
		s.ring = make([]byte, room)
	}
	b = b[:min(len(b), room-s.n)]
	tail := (s.head + s.n) % room
	k := copy(s.ring[tail:], b)
	copy(s.ring, b[k:])
	s.n += len(b)
	return len(b)
}

// pull moves what is stored into b.
func (s *stream) pull(b []byte) int {
	b = b[:min(len(b), s.n)]
	k := copy(b, s.ring[s.head:])
	copy(b[k:], s.ring)
	s.head = (s.head + len(b)) % room
	s.n -= len(b)
	return len(b)
}

// send moves op's bytes to receives that wait, else to the ring; false when
// there is no room at all.
func (l *loop) send(s *stream, op *backends.Op) bool {
	if s.shutWr {
		l.finish(op, backends.Fail(unix.EPIPE))
		return true
	}
	if r := s.recvs.head; r != nil && r.Code == backends.RecvFrom {
		l.sendDatagram(s, op)
		return true
	}
	n := 0
	for n < len(op.Buf) && s.n == 0 && s.recvs.head != nil {
		k := l.deliver(s, op.Buf[n:])
		if k == 0 {
			break // no buffer
		}
		n += k
	}
	if n < len(op.Buf) {
		n += s.push(op.Buf[n:])
	}
	if n == 0 && len(op.Buf) > 0 {
		return false
	}
	if n < len(op.Buf) {
		l.tally.Counters[backends.ShortSends]++
	}
	l.tally.Counters[backends.BytesOut] += uint64(n)
	l.finish(op, backends.Result(n))
	return true
}

// pump completes receives from the ring, then with the end of the stream, and
// lets sends into the room that is made.
func (l *loop) pump(s *stream) {
	if r := s.recvs.head; r != nil && r.Code == backends.RecvFrom {
		return // it waits for what is sent from now on
	}
	for {
		for s.n > 0 && s.recvs.head != nil {
			if l.deliver(s, nil) == 0 {
				return // until Recycle
			}
		}
		if s.n == room || s.sends.head == nil || !l.send(s, s.sends.head) {
			break
		}
		s.sends.pop()
	}
	for s.n == 0 && (s.shutWr || s.shutRd) && s.recvs.head != nil {
		l.finish(s.recvs.pop(), 0)
	}
}

// deliver fills the first waiting receive from b, or from the ring when b is
// nil. It returns 0 when the loop has no buffer for it.
func (l *loop) deliver(s *stream, b []byte) int {
	op := s.recvs.head
	dst := op.Buf
	chosen := op.Flags&backends.SelectBuf != 0
	if chosen {
		if dst = l.pool.Get(); dst == nil {
			l.starve(s, op.FD)
			return 0
		}
	}
	n := 0
	if b != nil {
		n = copy(dst, b)
	} else {
		n = s.pull(dst)
	}
	l.tally.Counters[backends.BytesIn] += uint64(n)
	c := backends.Completion{Op: op, Res: backends.Result(n)}
	if chosen {
		c.Buf = dst[:n]
	}
	if c.More = op.Flags&backends.Multishot != 0 && chosen; !c.More {
		s.recvs.pop()
		op.Loan.Gen = ended
	}
	l.done.push(c)
	return n
}

// starve notes a stream that waits for a buffer.
func (l *loop) starve(s *stream, fd int32) {
	if s.starving {
		return
	}
	s.starving = true
	l.tally.Counters[backends.NoBufs]++
	l.starved = append(l.starved, fd)
}
