package workloads

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// moveBytes is how much one op of a loop with many connections moves at most, so
// that a fast client with a large file does not keep the others waiting. A loop
// that serves one connection moves all there is.
const moveBytes = 1 << 20

// movesMost is what one Sendfile is asked for at most.
func (l *streamLoop) movesMost() int64 {
	if l.server.traits.Blocking {
		return 1 << 30
	}
	return moveBytes
}

// A moving sends by Sendfile.
type moving struct {
	conn *streamConn
	op   backends.Op
}

func newMoving(c *streamConn) *moving { return &moving{conn: c} }

func (s *moving) begin(to end) error {
	s.op = backends.Op{Code: backends.Sendfile, Flags: to.flags, FD: to.fd, In: int32(s.conn.loop.file.Fd()), Done: s}
	return nil
}

// next leaves the flag Inline out, so that others get their turn.
func (s *moving) next(off, left int64) {
	s.op.Off, s.op.Len = off, int32(min(left, s.conn.loop.movesMost()))
	s.conn.submit(&s.op)
}

// Complete receives the outcome of a Sendfile. One that has failed does not say
// on which side: it is the client's, unless the file has ended.
func (s *moving) Complete(x *backends.Completion) {
	s.conn.completed(x)
	switch {
	case x.Res > 0:
		s.conn.sent(int(x.Res))
	case x.Res == 0 || x.Res == backends.Fail(unix.EIO):
		s.conn.unreadable(s.op.Off, x.Res)
	default:
		s.conn.close()
	}
	s.conn.settle()
}

func (s *moving) end() {}

// A splicing sends through a pipe, by Splice.
type splicing struct {
	conn  *streamConn
	pipe  pipe
	fill  backends.Op
	empty backends.Op
}

func newSplicing(c *streamConn) *splicing { return &splicing{conn: c} }

func (s *splicing) begin(to end) error {
	if !s.pipe.open {
		if err := s.pipe.make(); err != nil {
			return err
		}
	}
	s.fill = backends.Op{Code: backends.Splice, In: int32(s.conn.loop.file.Fd()), FD: s.pipe.in, Done: s}
	s.empty = backends.Op{Code: backends.Splice, Flags: to.flags | backends.Inline, In: s.pipe.out, FD: to.fd, Off: backends.FromPipe, Done: s}
	return nil
}

// next fills the pipe, which is empty; it takes what it has room for.
func (s *splicing) next(off, left int64) {
	s.fill.Off, s.fill.Len = off, int32(min(left, moveBytes))
	s.conn.submit(&s.fill)
}

// Complete receives the outcome of a Splice, or of a Close of the pipe.
func (s *splicing) Complete(x *backends.Completion) {
	s.conn.completed(x)
	switch n := int32(x.Res); {
	case x.Op.Code == backends.Close:
	case x.Op == &s.fill && n <= 0:
		s.conn.unreadable(s.fill.Off, x.Res)
	case x.Op == &s.fill:
		s.drain(n)
	case n <= 0:
		s.conn.close()
	case n < s.empty.Len:
		s.conn.off += int64(n)
		s.drain(s.empty.Len - n)
	default:
		s.conn.sent(int(n))
	}
	s.conn.settle()
}

// drain empties the pipe, which holds n bytes.
func (s *splicing) drain(n int32) {
	s.empty.Len = n
	if !s.conn.closing && s.conn.submit(&s.empty) {
		s.conn.sent(int(n))
	}
}

// end keeps the pipe for the next connection if nothing is in it.
func (s *splicing) end() {
	if s.conn.off == s.conn.loop.bytes {
		return
	}
	closes := s.pipe.end(s)
	for i := range closes {
		s.conn.submit(&closes[i])
	}
}
