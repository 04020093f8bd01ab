package workloads

import "github.com/ringbench/ringbench/backends"

// A copied sends by read and send, in turn, by a buffer of the loop's that it has
// while there is something in it. Where the loop sends without copying, the kernel
// keeps a buffer until the client has acknowledged what was in it, and the next
// read has another: up to maxQueued of them, and no second one once half of the
// loop's buffers are out, so that clients that are slow do not starve the others.
type copied struct {
	conn  *streamConn
	loop  *streamLoop
	read  backends.Op
	send  *backends.Op
	left  int64 // to be sent from read.Off on
	noted int   // sends whose buffer the kernel still has
	cut   int   // what a send moved before it fell short, until its buffer is free
	waits bool  // the read waits for a buffer to come back
}

func newCopied(c *streamConn) *copied {
	s := &copied{conn: c, loop: c.loop}
	s.read = backends.Op{Code: backends.ReadAt, Flags: backends.SelectBuf, FD: int32(c.loop.file.Fd()), Done: s}
	return s
}

func (s *copied) begin(end) error {
	s.cut, s.waits = 0, false
	s.send = s.newSend()
	return nil
}

// newSend is a send to the connection.
func (s *copied) newSend() (op *backends.Op) {
	if n := len(s.loop.sends); n > 0 {
		op = s.loop.sends[n-1]
		s.loop.sends = s.loop.sends[:n-1]
	} else {
		op = new(backends.Op)
	}
	to := s.conn.to
	*op = backends.Op{Code: backends.Send, Flags: backends.Inline | backends.ZeroCopy | to.flags, FD: to.fd, Done: s}
	return op
}

func (s *copied) next(off, left int64) {
	s.read.Off, s.left = off, left
	if s.noted >= maxQueued || s.noted > 0 && s.loop.held > s.loop.bufs/2 {
		s.waits = true
		return
	}
	s.conn.submit(&s.read)
}

// Complete receives the outcome of reads and sends.
func (s *copied) Complete(x *backends.Completion) {
	s.conn.completed(x)
	switch x.Op {
	case &s.read:
		s.got(x)
	case s.send:
		s.went(x)
	default:
		s.noted--
		s.giveBack(x.Op)
		s.loop.sends = append(s.loop.sends, x.Op)
		if s.waits {
			s.waits = false
			s.conn.advance()
		}
	}
	s.conn.settle()
}

func (s *copied) got(x *backends.Completion) {
	if x.Res <= 0 {
		s.conn.unreadable(s.read.Off, x.Res)
		return
	}
	s.loop.held++
	s.send.Buf = x.Buf
	if int64(len(x.Buf)) > s.left {
		s.send.Buf = x.Buf[:s.left]
	}
	s.sendOff()
}

// sendOff sends what is in the send's buffer.
func (s *copied) sendOff() {
	if !s.conn.closing && s.conn.submit(s.send) {
		s.whole(len(s.send.Buf))
	}
}

func (s *copied) went(x *backends.Completion) {
	switch n := int(x.Res); {
	case x.Res < 0:
		s.conn.close()
	case s.cut > 0: // its buffer is free, and the rest goes out
		s.send.Buf = s.send.Buf[s.cut:]
		s.cut = 0
		s.sendOff()
	case n < len(s.send.Buf) && x.More:
		s.conn.off += int64(n)
		s.cut = n
	case n < len(s.send.Buf):
		s.conn.off += int64(n)
		s.send.Buf = s.send.Buf[n:]
		s.sendOff()
	case x.More:
		s.noted++
		s.send = s.newSend()
		s.conn.sent(n)
	default:
		s.whole(n)
	}
}

// whole goes on when all of the buffer is on its way and it is free.
func (s *copied) whole(n int) {
	s.giveBack(s.send)
	s.conn.sent(n)
}

func (s *copied) giveBack(op *backends.Op) {
	if op.Buf != nil {
		s.loop.held--
		s.loop.loop.Recycle(op.Buf)
		op.Buf = nil
	}
}

func (s *copied) end() {
	s.giveBack(s.send)
	s.loop.sends = append(s.loop.sends, s.send)
}
