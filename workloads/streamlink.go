package workloads

import "github.com/ringbench/ringbench/backends"

// A linked sends by read and send too, both submitted at once: the kernel starts
// the send when the read is whole. So the buffer has to be known beforehand; each
// connection has its own.
type linked struct {
	conn *streamConn
	buf  []byte
	read backends.Op
	send backends.Op
	n    int  // what send moved of its buffer; the kernel may have the buffer still
	kept bool // the kernel still has it
}

func newLinked(c *streamConn) (*linked, error) {
	size := c.loop.server.cfg.BufSize
	arena, err := backends.NewArena(size)
	if err != nil {
		return nil, err
	}
	s := &linked{conn: c, buf: arena.Bytes(size)}
	s.read = backends.Op{Code: backends.ReadAt, Flags: backends.Link, FD: int32(c.loop.file.Fd()), Done: s}
	return s, nil
}

func (s *linked) begin(to end) error {
	s.kept = false
	s.send = backends.Op{Code: backends.Send, Flags: backends.ZeroCopy | to.flags, FD: to.fd, Done: s}
	return nil
}

func (s *linked) next(off, left int64) {
	b := s.buf[:min(int64(len(s.buf)), left)]
	s.read.Off, s.read.Buf, s.send.Buf = off, b, b
	s.conn.submit(&s.read)
	s.conn.submit(&s.send)
}

// Complete receives the outcome of reads and sends.
func (s *linked) Complete(x *backends.Completion) {
	s.conn.completed(x)
	switch {
	case x.Op == &s.read:
		if int(x.Res) < len(s.read.Buf) {
			s.conn.unreadable(s.read.Off, x.Res)
		}
	case s.kept:
		s.kept = false
		s.went()
	case x.Res < 0:
		s.conn.close()
	default:
		s.n, s.kept = int(x.Res), x.More
		if !s.kept {
			s.went()
		}
	}
	s.conn.settle()
}

// went goes on when the buffer is free: with the rest, or with what is next.
func (s *linked) went() {
	if s.n == len(s.send.Buf) {
		s.conn.sent(s.n)
		return
	}
	s.conn.off += int64(s.n)
	s.send.Buf = s.send.Buf[s.n:]
	if !s.conn.closing {
		s.conn.submit(&s.send)
	}
}

func (s *linked) end() {}
