package load

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/pattern"
	"github.com/ringbench/ringbench/internal/result"
)

// A conn is one connection of the generator. At most one send is in flight, and
// what comes due meanwhile goes out in the next one.
type conn struct {
	worker     *worker
	index      int
	recv, send backends.Op
	sending    bool // send's completion has not been delivered, though it may have been reaped
	sendAt     int  // place in the pattern of the first byte not yet sent
	recvAt     int  // and of the next byte expected
	partial    int  // bytes received of the message that is not complete
	askAt      int  // place of the next byte to ask a bulk server for
	head       [pattern.AskSize]byte
	rest       []byte // what follows the ask that is being sent
	due        int    // messages to be sent as soon as the pipeline has room
	stamps     []stamp
	oldest     int // index of the oldest outstanding message in stamps
	pending    int // outstanding messages

	dgrams *datagrams // nil: the connection is a stream
	mix    *mix       // nil: all messages have one size

	firstAnswer int64 // nanoseconds from the start of the load; 0: none yet
}

// A stamp is when an outstanding message was due and when it was sent.
type stamp struct{ due, sent int64 }

func newConn(k *worker, index int, fd int32) *conn {
	c := &conn{worker: k, index: index, sendAt: pattern.Place(index), recvAt: pattern.Place(index), askAt: pattern.Place(index), stamps: make([]stamp, k.g.cfg.Pipeline), mix: newMix(&k.g.cfg, index)}
	c.recv = backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: fd, Done: c}
	c.send = backends.Op{Code: backends.Send, Flags: backends.Inline, FD: fd, Done: c}
	if Datagrams(k.g.cfg.Network) {
		c.initDatagrams()
	}
	return c
}

// begin arms the receive and, in a closed loop, fills the pipeline.
func (c *conn) begin() {
	c.worker.loop.Submit(&c.recv)
	if c.worker.g.cfg.Rate == 0 {
		c.due = c.worker.g.cfg.Pipeline
		c.flush()
	}
}

// flush sends what is due, as far as the pipeline has room, in one send.
func (c *conn) flush() {
	if c.dgrams != nil {
		c.flushDatagrams()
		return
	}
	if c.sending || c.worker.draining {
		return
	}
	n := min(c.due, len(c.stamps)-c.pending)
	k := c.worker
	if group := k.g.cfg.group(); n < group {
		return
	} else if k.g.cfg.Asks != Echo {
		n = group
	}
	if k.g.cfg.Rate > 0 { // a burst of many flushes takes its time
		k.now = backends.Nanotime()
	}
	for range n {
		s := c.stampNext()
		i := c.oldest + c.pending
		if i >= len(c.stamps) {
			i -= len(c.stamps)
		}
		c.stamps[i] = s
		c.pending++
	}
	c.due -= n
	k.sent += uint64(n)
	if k.g.cfg.Asks != Echo {
		c.ask(n)
		return
	}
	size := n * k.g.cfg.Size
	if c.mix != nil {
		size = c.mix.send(n)
	}
	c.send.Buf = k.g.pattern.Mem[c.sendAt : c.sendAt+size]
	c.sendAt = pattern.Advance(c.sendAt, size)
	c.sending = !k.loop.Submit(&c.send)
}

// stampNext is of the connection's next message, which is sent now.
func (c *conn) stampNext() stamp {
	k := c.worker
	s := stamp{due: k.now, sent: k.now}
	if k.g.cfg.Rate > 0 {
		s.due = k.pace.due(c)
		if k.recording() {
			k.record(k.lag, k.now-s.due)
		}
	}
	return s
}

// Complete receives the outcome of the connection's ops.
func (c *conn) Complete(x *backends.Completion) {
	switch {
	case x.Op != &c.recv:
		c.sent(x.Res)
	case c.dgrams != nil:
		c.receivedDatagram(x)
	default:
		c.received(x)
	}
}

func (c *conn) sent(res backends.Result) {
	if res < 0 {
		c.lost("send", res)
		return
	}
	if rest := c.send.Buf[res:]; len(rest) > 0 {
		c.send.Buf = rest
		if !c.worker.loop.Submit(&c.send) {
			return
		}
	}
	if rest := c.rest; len(rest) > 0 {
		c.send.Buf, c.rest = rest, nil
		if !c.worker.loop.Submit(&c.send) {
			return
		}
	}
	c.sending = false
	if c.due > 0 {
		c.worker.now = backends.Nanotime()
		c.flush()
	}
}

func (c *conn) received(x *backends.Completion) {
	if x.Res <= 0 {
		c.lost("receive", x.Res)
		return
	}
	k := c.worker
	k.now = backends.Nanotime()
	want := k.g.pattern.Mem[c.recvAt : c.recvAt+len(x.Buf)]
	if !bytes.Equal(x.Buf, want) {
		k.fail(c.wrong(x.Buf, want))
		return
	}
	c.recvAt = pattern.Advance(c.recvAt, len(x.Buf))
	k.loop.Recycle(x.Buf)
	c.partial += len(x.Buf)
	if c.mix != nil {
		c.answeredMixed()
	} else {
		size, messages := k.g.cfg.answer()
		for c.partial >= size && c.pending > 0 {
			c.partial -= size
			for range messages {
				c.answered()
			}
		}
	}
	if c.partial > 0 && c.pending == 0 {
		k.fail(fmt.Errorf("connection %d: the server sent %d bytes more than it was sent", c.index, c.partial))
		return
	}
	if c.due > 0 {
		c.flush()
	}
}

// answered takes the oldest outstanding message as complete.
func (c *conn) answered() {
	s := c.stamps[c.oldest]
	c.oldest++
	if c.oldest == len(c.stamps) {
		c.oldest = 0
	}
	c.count(s)
}

// count counts an answer, complete now, to the message with that stamp.
func (c *conn) count(s stamp) {
	k := c.worker
	c.pending--
	k.answered++
	if k.g.cfg.Rate == 0 {
		c.due++
	}
	if c.firstAnswer == 0 {
		c.firstAnswer = max(k.now-k.window.Start, 1)
	}
	k.series.Add(k.now, 1)
	if k.recording() {
		k.messages++
		k.record(k.service, k.now-s.sent)
		if k.g.cfg.Rate > 0 {
			k.record(k.response, k.now-s.due)
		}
	}
}

func (k *worker) record(h result.Histogram, v int64) {
	if !h.Record(v) {
		k.clipped++
	}
}

// recording reports whether now lies in the window.
func (k *worker) recording() bool { return k.now >= k.window.Open && k.now < k.window.Close }

// served reports whether the server is known to have taken the connection from
// its backlog.
func (c *conn) served() bool { return c.firstAnswer > 0 || c.worker.g.cfg.AllServed }

// debt implements debtor.
func (c *conn) debt() string {
	return fmt.Sprintf("connection %d: %d messages of those sent were never answered in full", c.index, c.pending)
}

func (c *conn) lost(doing string, res backends.Result) {
	if c.worker.draining && (c.pending == 0 || !c.served()) {
		return
	}
	why := "the server closed it"
	if res < 0 {
		why = unix.Errno(-res).Error()
	}
	c.worker.fail(fmt.Errorf("connection %d was lost on %s: %s", c.index, doing, why))
}

// wrongByte says where what a connection got, from byte off of a message on,
// differs from what it wants.
func wrongByte(index int, got, want []byte, off, size int) error {
	i := differs(got, want)
	return fmt.Errorf("connection %d: the server echoed a wrong byte, 0x%02x instead of 0x%02x, at byte %d of a message", index, got[i], want[i], (off+i)%size)
}

// differs is the first place where got is not want.
func differs(got, want []byte) (i int) {
	for got[i] == want[i] {
		i++
	}
	return i
}

// fail notes the first error; the worker stops on it.
func (k *worker) fail(err error) {
	if k.err == nil {
		k.err = err
	}
}
