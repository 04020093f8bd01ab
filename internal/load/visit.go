package load

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/pattern"
)

// A visit is a place where short connections follow each other: connect, make
// RequestsPerConn requests, each when the reply to the one before is whole, and
// close. The client closes first, so that TIME_WAIT stays on its side.
type visit struct {
	worker *worker
	index  int
	fd     int32 // of the connection that is here; -1: none
	mix    *mix  // nil: all messages have one size
	serial int   // its number, over all that the generator makes

	connect, recv, send, shut backends.Op

	sending  bool   // send's completion has not been delivered, though it may have been reaped
	answered bool   // the reply is whole
	replies  int    // that are whole
	at       int    // place in the pattern of the message on its way
	size     int    // its bytes
	bytes    int    // of all so far
	partial  int    // bytes received of its reply
	headed   bool   // the head of a reply that is a file has come
	head     []byte // as long as it has come in part
	due      int64
	began    int64 // when connect was submitted, or the request for a file that is not the first
}

func newVisit(k *worker, index int) *visit {
	v := &visit{worker: k, index: index, fd: -1, size: k.g.cfg.Size, mix: newMix(&k.g.cfg, index)}
	v.connect = backends.Op{Code: backends.Connect, Addr: &k.g.source.to, Done: v}
	v.recv = backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, Done: v}
	v.send = backends.Op{Code: backends.Send, Flags: backends.Inline, Done: v}
	v.shut = backends.Op{Code: backends.Close, Done: v}
	return v
}

// begin opens a connection that was due then.
func (v *visit) begin(due int64) {
	k := v.worker
	v.serial = k.index + k.visited*len(k.g.workers)
	k.visited++
	fd := int32(v.index)
	if !k.memory {
		var err error
		if fd, err = k.g.source.open(v.serial); err != nil {
			k.fail(err)
			return
		}
	}
	now := backends.Nanotime() // a burst of many takes its time
	v.fd, v.due, v.began = fd, due, now
	v.replies, v.at, v.partial, v.bytes, v.headed = 0, pattern.Place(v.serial), 0, 0, true
	v.connect.FD, v.recv.FD, v.send.FD, v.shut.FD = fd, fd, fd, fd
	k.sent++
	if k.g.cfg.Rate > 0 {
		if k.now = now; k.recording() {
			k.record(k.lag, now-due)
		}
	}
	k.loop.Submit(&v.connect)
}

// Complete receives the outcome of the connection's ops.
func (v *visit) Complete(x *backends.Completion) {
	switch x.Op {
	case &v.connect:
		if x.Res < 0 {
			v.lost("connect", x.Res)
			return
		}
		if k := v.worker; k.g.cfg.FileBytes > 0 && k.g.asks == nil {
			k.loop.Submit(&v.recv)
			return
		}
		v.request()
	case &v.recv:
		if v.worker.g.cfg.FileBytes > 0 {
			v.receivedOfFile(x)
			return
		}
		v.received(x)
	case &v.send:
		v.sent(x.Res)
	default:
		v.closed(x.Res)
	}
}

// request sends the next message.
func (v *visit) request() {
	k := v.worker
	if v.mix != nil {
		v.size = v.mix.draw()
	}
	v.partial, v.answered = 0, false
	v.bytes += v.size
	if k.g.asks != nil {
		v.headed, v.head, v.send.Buf = false, v.head[:0], k.g.asks.request
	} else {
		v.send.Buf = k.g.pattern.Mem[v.at : v.at+v.size]
	}
	v.sending = !k.loop.Submit(&v.send)
	k.loop.Submit(&v.recv)
}

func (v *visit) sent(res backends.Result) {
	if res < 0 {
		v.lost("send", res)
		return
	}
	if rest := v.send.Buf[res:]; len(rest) > 0 {
		v.send.Buf = rest
		if !v.worker.loop.Submit(&v.send) {
			return
		}
	}
	v.sending = false
	v.advance()
}

func (v *visit) received(x *backends.Completion) {
	if x.Res <= 0 {
		v.lost("receive", x.Res)
		return
	}
	k, size := v.worker, v.size
	if more := v.partial + len(x.Buf) - size; more > 0 {
		k.fail(fmt.Errorf("connection %d: the server sent %d bytes more than it was sent", v.serial, more))
		return
	}
	want := k.g.pattern.Mem[v.at+v.partial:][:len(x.Buf)]
	if !bytes.Equal(x.Buf, want) {
		k.fail(wrongByte(v.serial, x.Buf, want, v.partial, size))
		return
	}
	v.partial += len(x.Buf)
	k.loop.Recycle(x.Buf)
	if v.partial < size {
		k.loop.Submit(&v.recv)
		return
	}
	v.answered = true
	if v.replies++; v.replies == k.g.cfg.RequestsPerConn {
		v.served()
	}
	v.advance()
}

// served takes note that the last reply is whole.
func (v *visit) served() {
	k := v.worker
	k.now = backends.Nanotime()
	k.answered++
	if k.g.cfg.FileBytes == 0 {
		k.series.Add(k.now, 1)
	}
	if k.recording() {
		k.messages++
		if v.mix != nil {
			k.bytes += uint64(v.bytes)
		}
		k.record(k.service, k.now-v.began)
		if k.g.cfg.Rate > 0 {
			k.record(k.response, k.now-v.due)
		}
	}
}

// advance goes on when a message and its reply are through: with the next, or
// with the end of the connection.
func (v *visit) advance() {
	switch k := v.worker; {
	case v.sending || !v.answered:
	case v.replies == k.g.cfg.RequestsPerConn || k.g.asks != nil && k.draining:
		k.loop.Submit(&v.shut)
	case k.g.asks != nil:
		k.sent++
		v.began = k.now
		v.request()
	default:
		v.at = pattern.Advance(v.at, v.size)
		v.request()
	}
}

// closed makes the place free, or gives it to the next connection.
func (v *visit) closed(res backends.Result) {
	if res < 0 {
		v.lost("close", res)
		return
	}
	v.fd = -1
	switch k := v.worker; {
	case k.draining:
	case k.g.cfg.Rate == 0:
		v.begin(0)
	default:
		k.free = append(k.free, v)
		k.admit()
	}
}

// debt implements debtor.
func (v *visit) debt() string {
	if n := v.worker.g.cfg.FileBytes; n > 0 {
		return fmt.Sprintf("connection %d: only %d of the file's %d bytes have come, or its end has not", v.serial, v.partial, n)
	}
	return fmt.Sprintf("connection %d: reply %d of %d was never whole", v.serial, v.replies+1, v.worker.g.cfg.RequestsPerConn)
}

func (v *visit) lost(doing string, res backends.Result) {
	why := fmt.Sprintf("the server closed it before reply %d of %d was whole", v.replies+1, v.worker.g.cfg.RequestsPerConn)
	if n := v.worker.g.cfg.FileBytes; n > 0 {
		why = fmt.Sprintf("the server closed it after %d of the file's %d bytes", v.partial, n)
	}
	if res < 0 {
		errno := unix.Errno(-res)
		why = errno.Error() + advice(errno)
	}
	v.worker.fail(fmt.Errorf("connection %d was lost on %s: %s", v.serial, doing, why))
}

// admit opens connections that were due and waited for a place.
func (k *worker) admit() {
	for k.waiting > 0 && len(k.free) > 0 && !k.draining {
		last := len(k.free) - 1
		v := k.free[last]
		k.free = k.free[:last]
		due := k.pace.At(k.pace.next - k.waiting)
		k.waiting--
		v.begin(due)
	}
}

// releaseVisits makes the connections that are due at now wait for their places.
func (k *worker) releaseVisits(now int64) {
	for k.comesDue(now) {
		k.waiting++
	}
	k.admit()
}
