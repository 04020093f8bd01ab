package null

import (
	"github.com/ringbench/ringbench/backends"
)

// sendDatagram hands op's datagram to the first RecvFrom that waits. Without
// one, or without a buffer for it, it is lost, as UDP may lose one. It comes
// from nowhere: its address has no bytes.
func (l *loop) sendDatagram(s *stream, op *backends.Op) {
	data := op.Payload()
	l.tally.Counters[backends.BytesOut] += uint64(len(data))
	l.finish(op, backends.Result(len(data)))
	r := s.recvs.head
	if r == nil || r.Code != backends.RecvFrom {
		return
	}
	dst, head, chosen := r.Buf, []byte(nil), r.Flags&backends.SelectBuf != 0
	if chosen {
		if head = l.pool.Get(); head == nil {
			l.tally.Counters[backends.NoBufs]++
			return
		}
		clear(head[:backends.DatagramHead])
		dst = head[backends.DatagramHead:]
	} else if r.Addr != nil {
		*r.Addr = backends.Addr{}
	}
	n := copy(dst, data)
	l.tally.Counters[backends.BytesIn] += uint64(n)
	c := backends.Completion{Op: r, Res: backends.Result(len(data))}
	if chosen {
		c.Buf = head[:backends.DatagramHead+n]
	}
	if c.More = r.Flags&backends.Multishot != 0; !c.More {
		s.recvs.pop()
		r.Loan.Gen = ended
	}
	l.done.push(c)
}
