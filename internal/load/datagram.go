package load

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/pattern"
)

// Datagrams reports whether a network carries datagrams, which may be lost.
func Datagrams(network string) bool { return network == "udp" || network == "udp6" }

// LossAfter is when a datagram that has not been answered counts as lost, and
// the next is sent in its place: far longer than an answer over loopback takes,
// even of a server that shares its CPU. An answer that comes later still is
// told from others by its number.
const LossAfter = 250 * time.Millisecond

// sweeps is how many times in LossAfter lost datagrams are looked for. Their age
// is counted in these: a generator that was kept off its CPU looks once and then
// at the answers that have come meanwhile.
const sweeps = 4

// MinDatagram is the smallest message that holds its number.
const MinDatagram = 8

// socketBuffer is what a connection asks the kernel to hold, in bytes.
const socketBuffer = 1 << 20

// datagrams is what a connection keeps of messages that may be lost, doubled and
// overtaken. Each bears a number, and what follows depends on the connection and
// on that. Slot i has the numbers i, i + pipeline, i + 2 pipeline …
type datagrams struct {
	key   uint64 // XORed with a number, so that one of another connection shows
	slots []datagram
	free  []int32 // slots with no message outstanding
	outs  int     // sends in flight
}

// A datagram is a slot's message, the outstanding one or the last.
type datagram struct {
	stamp
	number      uint64 // of the next
	sweep       uint64 // of the worker, when it was sent
	outstanding bool
}

// An outgoing is a send and its memory, in use for as long as it is in flight.
type outgoing struct {
	op  backends.Op
	buf []byte
	to  *conn
}

func (c *conn) initDatagrams() {
	n := len(c.stamps)
	d := &datagrams{key: binary.LittleEndian.Uint64(c.worker.g.pattern.Mem[pattern.Place(c.index):]), slots: make([]datagram, n)}
	for i := range d.slots {
		d.slots[i].number = uint64(i)
		d.free = append(d.free, int32(n-1-i))
	}
	c.dgrams, c.stamps = d, nil
	c.recv.Code = backends.RecvFrom
}

// body is what follows the number in a message.
func (c *conn) body(number uint64) []byte {
	at := (pattern.Place(c.index) + int(number%pattern.Lines)*1009*pattern.Line) % pattern.Period
	return c.worker.g.pattern.Mem[at:][:c.worker.g.cfg.Size-MinDatagram]
}

// flushDatagrams sends what is due, as far as the pipeline has room.
func (c *conn) flushDatagrams() {
	k, d := c.worker, c.dgrams
	for c.due > 0 && len(d.free) > 0 && !k.draining && k.err == nil {
		i := d.free[len(d.free)-1]
		d.free = d.free[:len(d.free)-1]
		if k.g.cfg.Rate > 0 {
			k.now = backends.Nanotime() // a burst of many takes its time
		}
		m := &d.slots[i]
		m.stamp, m.sweep, m.outstanding = c.stampNext(), k.sweep, true
		c.due--
		c.pending++
		k.sent++
		k.send(c, m.number)
		m.number += uint64(len(d.slots))
	}
}

// send sends message number of c.
func (k *worker) send(c *conn, number uint64) {
	var o *outgoing
	if n := len(k.outs); n > 0 {
		o, k.outs = k.outs[n-1], k.outs[:n-1]
	} else {
		a, err := backends.NewArena(k.g.cfg.Size)
		if err != nil {
			k.fail(err)
			return
		}
		k.arenas = append(k.arenas, a)
		o = &outgoing{buf: a.Bytes(k.g.cfg.Size)}
		o.op = backends.Op{Code: backends.Send, Flags: backends.Inline, Buf: o.buf, Done: o}
	}
	binary.LittleEndian.PutUint64(o.buf, number^c.dgrams.key)
	copy(o.buf[MinDatagram:], c.body(number))
	o.to, o.op.FD = c, c.recv.FD
	c.dgrams.outs++
	if k.loop.Submit(&o.op) {
		o.done()
	}
}

// Complete receives the outcome of a send.
func (o *outgoing) Complete(x *backends.Completion) {
	if x.Res < 0 {
		o.to.lost("send", x.Res)
	}
	o.done()
}

func (o *outgoing) done() {
	o.to.dgrams.outs--
	k := o.to.worker
	k.outs = append(k.outs, o)
}

// receivedDatagram judges what came: the answer to a message, one that comes too
// late or once more, or an error.
func (c *conn) receivedDatagram(x *backends.Completion) {
	if x.Res < 0 {
		c.lost("receive", x.Res)
		return
	}
	k, d := c.worker, c.dgrams
	k.now = backends.Nanotime()
	_, data := backends.Datagram(x.Buf)
	if int(x.Res) != k.g.cfg.Size {
		k.fail(fmt.Errorf("connection %d: the server answered a datagram of %d bytes with one of %d", c.index, k.g.cfg.Size, x.Res))
		return
	}
	number := binary.LittleEndian.Uint64(data) ^ d.key
	i := number % uint64(len(d.slots))
	m := &d.slots[i]
	if number >= m.number {
		k.fail(fmt.Errorf("connection %d: the server sent a datagram that it was not sent: its number is wrong", c.index))
		return
	}
	if want := c.body(number); !bytes.Equal(data[MinDatagram:], want) {
		k.fail(wrongByte(c.index, data[MinDatagram:], want, MinDatagram, k.g.cfg.Size))
		return
	}
	k.loop.Recycle(x.Buf)
	if number+uint64(len(d.slots)) != m.number || !m.outstanding {
		k.late++
		return
	}
	m.outstanding = false
	d.free = append(d.free, int32(i))
	c.count(m.stamp)
	if c.due > 0 {
		c.flush()
	}
}

// A sweeper looks for lost datagrams of a worker.
type sweeper struct {
	worker *worker
	op     backends.Op
}

func (k *worker) startSweeps() {
	s := &sweeper{worker: k}
	s.op = backends.Op{Code: backends.Timeout, Off: int64(LossAfter / sweeps), Done: s}
	k.loop.Submit(&s.op)
}

// Complete is called when it is time.
func (s *sweeper) Complete(*backends.Completion) {
	k := s.worker
	k.now = backends.Nanotime()
	k.sweep++
	for _, c := range k.conns {
		c.giveUp()
	}
	k.loop.Submit(&s.op)
}

// giveUp takes as lost what has been outstanding for too long, and goes on.
func (c *conn) giveUp() {
	k, d := c.worker, c.dgrams
	if c.pending == 0 {
		return
	}
	for i := range d.slots {
		m := &d.slots[i]
		if !m.outstanding || k.sweep-m.sweep <= sweeps {
			continue
		}
		m.outstanding = false
		d.free = append(d.free, int32(i))
		c.pending--
		k.lost++
		if k.g.cfg.Rate == 0 {
			c.due++
		}
	}
	c.flush()
}

// silent is an error when datagrams were sent and none was answered.
func (k *worker) silent() error {
	if k.lost > 0 && k.answered == 0 {
		return fmt.Errorf("the server answered none of %d datagrams within %v each", k.lost, LossAfter)
	}
	return nil
}
