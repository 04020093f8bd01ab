package backendtest

import (
	"fmt"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

var cancelChecks = []check{
	{"cancel-timeout", true, cancelTimeout},
	{"cancel-after-completion", true, cancelLate},
	{"cancel-races-with-completion", true, cancelRace},
	{"cancel-receive", false, cancelRecv},
	{"cancel-receive-with-data-waiting", false, cancelRecvReady},
	{"cancel-accept", false, cancelAccept},
	{"cancel-send", false, cancelSend},
	{"cancel-one-of-many", false, cancelOne},
}

// cancelled cancels op and demands that it ends so.
func (r *rig) cancelled(op *backends.Op) {
	r.Helper()
	cancel := &backends.Op{Code: backends.Cancel, Target: op}
	r.submit(cancel)
	last := r.final(op, cancel)
	r.want(last[cancel], 0)
	r.fails(last[op], unix.ECANCELED)
	if !last[op].Res.Canceled() {
		r.Fatal("Canceled is false of -ECANCELED")
	}
}

func cancelTimeout(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	long := &backends.Op{Code: backends.Timeout, Off: int64(patience)}
	short := &backends.Op{Code: backends.Timeout, Off: 5e6}
	r.submit(long, short)
	cancel := &backends.Op{Code: backends.Cancel, Target: long}
	r.submit(cancel)
	last := r.final(long, short, cancel)
	r.want(last[cancel], 0)
	r.fails(last[long], unix.ECANCELED)
	r.fails(last[short], unix.ETIME)
	// Cancelled before any Wait could start it.
	r.submit(long)
	r.cancelled(long)
	r.silence()
}

func cancelLate(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	never := &backends.Op{Code: backends.Recv}
	cancel := &backends.Op{Code: backends.Cancel, Target: never}
	r.fails(r.do(cancel), unix.ENOENT)
	op := &backends.Op{Code: backends.Nop}
	r.must(op)
	cancel.Target = op
	r.fails(r.do(cancel), unix.ENOENT)
	r.silence()
}

// cancelRace cancels an op that is about to complete. Either may win; both
// complete, once.
func cancelRace(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	for range 20 {
		op := &backends.Op{Code: backends.Timeout, Off: 1e5}
		if b.Traits().Memory {
			op = &backends.Op{Code: backends.Nop}
		}
		cancel := &backends.Op{Code: backends.Cancel, Target: op}
		r.submit(op)
		r.wait(0, 0)
		r.submit(cancel)
		last := r.final(op, cancel)
		switch res := last[op].Res; res {
		case 0, backends.Fail(unix.ETIME), backends.Fail(unix.ECANCELED):
		default:
			t.Fatalf("the op: %v", res.Err())
		}
		r.mayBeLate(last[cancel])
	}
	r.silence()
}

// mayBeLate demands what a Cancel says of an op that was about to complete.
func (r *rig) mayBeLate(cancel backends.Completion) {
	r.Helper()
	switch cancel.Res {
	case 0, backends.Fail(unix.ENOENT), backends.Fail(unix.EALREADY):
	default:
		r.Fatalf("the cancel: %v", cancel.Res.Err())
	}
}

// cancelRecv cancels a receive that waits, at once and after a while; nothing
// that arrives later is lost to it.
func cancelRecv(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		for _, m := range modes {
			for _, started := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/started=%v", network, m, started), func(t *testing.T) {
					r := open(t, b, backends.Config{Bufs: 2})
					fd, p := r.pair(network)
					op := r.recvOp(fd, m, 4096)
					offset := 0
					for range 5 { // more often than there are buffers
						r.submit(op)
						if started {
							r.silence()
						}
						r.cancelled(op)
						r.put(p, 13, offset, 30)
						r.submit(op)
						r.received(op, m, 13, offset, 30)
						offset += 30
						r.rearm(op, m)
						r.cancelled(op)
					}
					r.silence()
				})
			}
		}
	}
}

// cancelRecvReady cancels a receive whose data is there: what the op achieved
// plus what the next one reads is everything, in order.
func cancelRecvReady(t *testing.T, b backends.Backend) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, p := r.pair("unix")
			op := r.recvOp(fd, m, 64)
			cancel := &backends.Op{Code: backends.Cancel, Target: op}
			got := 0
			for round := range 20 {
				r.submit(op)
				r.put(p, 14, round*64, 64)
				r.submit(cancel)
				ended, cancelled := false, false
				for !ended || !cancelled {
					c := r.next()
					if c.Op == cancel {
						cancelled = true
						continue
					}
					ended = !c.More
					got += r.keep(c, m, 14, got)
				}
				for got < (round+1)*64 {
					r.submit(op)
					c := r.nextOf(op)
					got += r.keep(c, m, 14, got)
					if c.More {
						r.cancelled(op)
					}
				}
			}
			r.silence()
		})
	}
}

// keep checks what a receive brought, if anything, gives the buffer back and
// returns the count.
func (r *rig) keep(c backends.Completion, m mode, stream, offset int) int {
	r.Helper()
	if c.Res.Canceled() {
		return 0
	}
	if c.Res <= 0 {
		r.Fatalf("recv on %d: %d (%v)", c.Op.FD, c.Res, c.Res.Err())
	}
	if m == ownBuffer {
		r.same(c.Op.Buf[:c.Res], stream, offset)
	} else {
		r.same(c.Buf, stream, offset)
		r.loop.Recycle(c.Buf)
	}
	return int(c.Res)
}

func cancelAccept(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	l, addr := r.listen()
	for _, flags := range []backends.Flags{0, backends.Multishot, 0} {
		op := &backends.Op{Code: backends.Accept, FD: l, Flags: flags}
		r.submit(op)
		r.silence()
		r.cancelled(op)
	}
	// Whoever dials now waits for the next accept.
	p := r.dial(addr)
	r.silence()
	op := &backends.Op{Code: backends.Accept, FD: l}
	r.submit(op)
	r.talk(r.adopt(r.nextOf(op)), p, 1)
}

// cancelSend cancels a send that waits for room: the peer reads exactly what
// the results say.
func cancelSend(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, p := r.pair(network)
			data := r.buf(2 << 20)
			pattern(data, 15, 0)
			send, sent := r.clog(fd, data)
			cancel := &backends.Op{Code: backends.Cancel, Target: send}
			r.submit(cancel)
			last := r.final(send, cancel)
			if c := last[send]; c.Res > 0 { // it made way once more, or was done when the cancel came
				r.mayBeLate(last[cancel])
				sent += int(c.Res)
			} else {
				r.want(last[cancel], 0)
				r.fails(c, unix.ECANCELED)
			}
			r.silence()
			r.closeFD(fd)
			back, err := io.ReadAll(p)
			if err != nil || len(back) != sent {
				t.Fatalf("the results say %d bytes, the peer read %d: %v", sent, len(back), err)
			}
			r.same(back, 15, 0)
		})
	}
}

// clog sends from data until a send finds no room, and returns that one, in
// flight, and how much went before.
func (r *rig) clog(fd int32, data []byte) (send *backends.Op, sent int) {
	r.Helper()
	if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
		r.Fatal(err)
	}
	send = &backends.Op{Code: backends.Send, FD: fd}
	for sent < len(data) {
		send.Buf = data[sent:]
		r.submit(send)
		for range 3 { // the far end may make room once more
			if r.wait(1, quiet) > 0 {
				break
			}
		}
		if len(r.ready) == 0 {
			return send, sent
		}
		c := r.nextOf(send)
		if c.Res <= 0 {
			r.Fatalf("send: %d (%v)", c.Res, c.Res.Err())
		}
		sent += int(c.Res)
	}
	r.Fatalf("%d bytes fit a socket whose peer does not read", sent)
	return nil, 0
}

// cancelOne cancels one of several ops of one kind: the others stay.
func cancelOne(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	var ops []*backends.Op
	var peers []peer
	for i := range 6 {
		fd, p := r.pair(networks[i%len(networks)])
		ops = append(ops, r.recvOp(fd, modes[i%3], 64))
		peers = append(peers, p)
	}
	r.submit(ops...)
	r.silence()
	for _, i := range []int{2, 3} {
		r.cancelled(ops[i])
	}
	for i, p := range peers {
		r.put(p, i, 0, 20)
	}
	got := make([]int, len(ops))
	for got[0]+got[1]+got[4]+got[5] < 4*20 {
		c := r.next()
		i := indexOf(ops, c.Op)
		if i == 2 || i == 3 {
			t.Fatalf("op %d, cancelled, completed again with %d", i, c.Res)
		}
		if got[i] += r.keep(c, modes[i%3], i, got[i]); got[i] < 20 {
			r.rearm(c.Op, modes[i%3])
		}
	}
	r.silence()
}
