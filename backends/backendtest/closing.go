package backendtest

import (
	"fmt"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

var closeChecks = []check{
	{"close", false, closeIdle},
	{"close-with-ops-in-flight", false, closeBusy},
	{"close-with-ops-just-submitted", false, closeAtOnce},
	{"close-listener", false, closeListener},
	{"descriptor-reuse", false, reuse},
	{"loop-close-with-timeouts", true, loopCloseTimeouts},
	{"loop-close-with-ops-in-flight", false, loopClose},
	{"loop-close-before-wait", false, loopCloseAtOnce},
	{"open-and-close", true, openClose},
}

// gone demands that fd is closed and that its peer has seen the end.
func (r *rig) gone(fd int32, p peer) {
	r.Helper()
	delete(r.fds, fd)
	if isOpen(fd) {
		r.Errorf("descriptor %d is open after its Close", fd)
	}
	if n, err := p.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		r.Errorf("after the close the peer read %d bytes, %v", n, err)
	}
}

func closeIdle(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := open(t, b, backends.Config{})
			// A descriptor that the loop has never met, and one that it has.
			fd, p := r.pair(network)
			r.want(r.must(&backends.Op{Code: backends.Close, FD: fd}), 0)
			r.gone(fd, p)
			fd, p = r.pair(network)
			op := r.recvOp(fd, ownBuffer, 64)
			r.put(p, 1, 0, 5)
			r.submit(op)
			r.received(op, ownBuffer, 1, 0, 5)
			r.want(r.must(&backends.Op{Code: backends.Close, FD: fd}), 0)
			r.gone(fd, p)
			r.silence()
		})
	}
}

// closeBusy closes a descriptor with a receive and a send in flight: both end
// before the Close does.
func closeBusy(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		for _, m := range modes {
			t.Run(network+"/"+m.String(), func(t *testing.T) {
				r := open(t, b, backends.Config{})
				fd, p := r.pair(network)
				other, q := r.pair(network)
				bystander := r.recvOp(other, m, 64)
				recv := r.recvOp(fd, m, 4096)
				r.submit(recv, bystander)
				data := r.buf(2 << 20)
				pattern(data, 16, 0)
				send, sent := r.clog(fd, data)
				cl := &backends.Op{Code: backends.Close, FD: fd}
				r.submit(cl)
				for _, op := range []*backends.Op{recv, send} {
					if !op.Lent() {
						t.Fatalf("%v was given back before its completion", op.Code)
					}
				}
				sent += r.closes(cl, recv, send)
				delete(r.fds, fd)
				back, err := io.ReadAll(p)
				if err != nil || len(back) != sent {
					t.Fatalf("the results say %d bytes, the peer read %d: %v", sent, len(back), err)
				}
				if isOpen(fd) {
					t.Errorf("descriptor %d is open after its Close", fd)
				}
				r.put(q, 17, 0, 20)
				r.received(bystander, m, 17, 0, 20)
			})
		}
	}
}

// closes demands that ops end, and then cl. It returns what sends achieved.
func (r *rig) closes(cl *backends.Op, ops ...*backends.Op) (sent int) {
	r.Helper()
	ended := 0
	for {
		c := r.next()
		i := indexOf(ops, c.Op)
		switch {
		case c.Op == cl:
			r.want(c, 0)
			if ended != len(ops) {
				r.Fatalf("the Close completed before %d ops on its descriptor", len(ops)-ended)
			}
			return sent
		case i < 0:
			r.Fatalf("%v on %d completed with %d, unexpectedly", c.Op.Code, c.Op.FD, c.Res)
		case c.Op.Code == backends.Send && c.Res > 0:
			sent += int(c.Res)
		default:
			r.want(c, backends.Fail(unix.ECANCELED))
		}
		if !c.More {
			ended++
		}
	}
}

// closeAtOnce submits ops and the Close in one go, before any Wait, with a
// queue too small for them all.
func closeAtOnce(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{Entries: 2})
	for range 10 {
		fd, p := r.pair("tcp")
		recv := r.recvOp(fd, multishot, 0)
		for range 3 {
			r.submit(&backends.Op{Code: backends.Nop})
		}
		cl := &backends.Op{Code: backends.Close, FD: fd}
		r.submit(recv, cl)
		nops, ended, closed := 0, false, false
		for nops < 3 || !ended || !closed {
			c := r.next()
			switch {
			case c.Op == recv:
				r.fails(c, unix.ECANCELED)
				ended = true
			case c.Op == cl:
				r.want(c, 0)
				closed = true
				if !ended {
					t.Fatal("the Close completed before the receive on its descriptor")
				}
			default:
				nops++
			}
		}
		r.gone(fd, p)
	}
	r.silence()
}

func closeListener(t *testing.T, b backends.Backend) {
	for _, flags := range []backends.Flags{0, backends.Multishot} {
		t.Run(fmt.Sprintf("flags=%d", flags), func(t *testing.T) {
			r := open(t, b, backends.Config{})
			l, _ := r.listen()
			op := &backends.Op{Code: backends.Accept, FD: l, Flags: flags}
			cl := &backends.Op{Code: backends.Close, FD: l}
			r.submit(op)
			r.silence()
			r.submit(cl)
			r.closes(cl, op)
			delete(r.fds, l)
			if isOpen(l) {
				t.Error("the listener is open after its Close")
			}
			r.silence()
		})
	}
}

// reuse closes a connection while news of it is under way, and gives its
// number to the next one at once: what belonged to the old one never shows.
func reuse(t *testing.T, b backends.Backend) {
	const rounds = 30
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			r := open(t, b, backends.Config{Bufs: 4})
			const number = 400 // above any that the kernel chooses here
			for round := range rounds {
				fd, p := r.pair(networks[round%len(networks)])
				r.renumber(fd, number)
				fd = number
				op := r.recvOp(fd, m, 128)
				r.submit(op)
				if round%3 > 0 {
					r.put(p, round, 0, 100)
					r.received(op, m, round, 0, 100)
					r.rearm(op, m)
				}
				if round%2 > 0 {
					r.put(p, 99, 0, 50) // arrives too late to be asked for
				}
				cl := &backends.Op{Code: backends.Close, FD: fd}
				r.submit(cl)
				late := 0
				for closed := false; !closed; {
					c := r.next()
					switch {
					case c.Op == cl:
						r.want(c, 0)
						closed = true
					case c.Op == op && c.Res > 0:
						late += r.keep(c, m, 99, late)
					default:
						r.fails(c, unix.ECANCELED)
					}
				}
				if op.Lent() {
					t.Fatal("the receive is lent after the Close of its descriptor")
				}
				delete(r.fds, fd)
				p.Close()
			}
			r.silence()
		})
	}
}

// renumber moves a descriptor to a number that is free.
func (r *rig) renumber(fd, to int32) {
	r.Helper()
	if isOpen(to) {
		r.Fatalf("descriptor %d is open", to)
	}
	if err := unix.Dup3(int(fd), int(to), unix.O_CLOEXEC); err != nil {
		r.Fatal(err)
	}
	unix.Close(int(fd))
	delete(r.fds, fd)
	r.fds[to] = false
}

func loopCloseTimeouts(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	for i := range 5 {
		r.submit(&backends.Op{Code: backends.Timeout, Off: int64(patience) + int64(i)})
	}
	r.wait(0, 0)
	r.submit(&backends.Op{Code: backends.Nop}, &backends.Op{Code: backends.Timeout, Off: 1})
	r.shut()
}

// loopClose closes a loop with every kind of op in flight and one completion
// not reaped. Loans come back, descriptors stay open and work.
func loopClose(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{Bufs: 2})
	l, addr := r.listen()
	accept := &backends.Op{Code: backends.Accept, FD: l, Flags: backends.Multishot}
	timeout := &backends.Op{Code: backends.Timeout, Off: int64(patience)}
	r.submit(accept, timeout)
	var fds []int32
	var peers []peer
	for i := range 6 {
		fd, p := r.pair(networks[i%len(networks)])
		r.submit(r.recvOp(fd, modes[i/2], 64))
		fds, peers = append(fds, fd), append(peers, p)
	}
	clogged, _ := r.pair("unix")
	r.clog(clogged, r.buf(4<<20))
	r.submit(&backends.Op{Code: backends.Nop}) // never reaped
	r.shut()
	for fd := range r.fds {
		if !isOpen(fd) {
			t.Errorf("descriptor %d was closed with the loop", fd)
		}
	}
	buf := make([]byte, 64)
	for i, p := range peers {
		r.put(p, i, 0, 64)
		if n, err := readAll(int(fds[i]), buf); err != nil {
			t.Fatalf("connection %d after the loop was closed: %d bytes, %v", i, n, err)
		}
		r.same(buf, i, 0)
	}
	// The listener is the owner's still.
	p := r.dial(addr)
	pollFor(t, l, unix.POLLIN)
	fd, _, err := unix.Accept4(int(l), unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatalf("accept after the loop was closed: %v", err)
	}
	r.own(int32(fd), p)
}

// readAll fills b from a descriptor that a loop may have made non-blocking.
func readAll(fd int, b []byte) (n int, err error) {
	for n < len(b) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if k, err := unix.Poll(p, int(patience.Milliseconds()/2)); err == unix.EINTR {
			continue
		} else if err != nil || k == 0 {
			return n, fmt.Errorf("poll: %d, %v", k, err)
		}
		k, err := unix.Read(fd, b[n:])
		if err != nil || k == 0 {
			return n, fmt.Errorf("read: %d, %v", k, err)
		}
		n += k
	}
	return n, nil
}

// pollFor waits until fd has one of events.
func pollFor(t testing.TB, fd int32, events int16) {
	t.Helper()
	for {
		p := []unix.PollFd{{Fd: fd, Events: events}}
		n, err := unix.Poll(p, int(patience.Milliseconds()/2))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("poll of descriptor %d: %d, %v", fd, n, err)
		}
		return
	}
}

// loopCloseAtOnce closes a loop that never had a Wait, with more submitted than
// its queue holds.
func loopCloseAtOnce(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{Entries: 2})
	for i := range 8 {
		fd, _ := r.pair("unix")
		r.submit(r.recvOp(fd, modes[i%3], 64), &backends.Op{Code: backends.Nop})
	}
	r.shut()
}

// openClose opens and closes many loops: what each holds is given back.
func openClose(t *testing.T, b backends.Backend) {
	before := takeCensus(t)
	for range 20 {
		loop, err := b.Open(backends.Config{Entries: 8, Bufs: 2})
		if err != nil {
			t.Fatal(err)
		}
		if err := loop.Close(); err != nil {
			t.Fatal(err)
		}
	}
	before.compare(t)
}
