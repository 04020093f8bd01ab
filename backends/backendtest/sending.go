package backendtest

import (
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

var sendingChecks = []check{
	{"zero-copy", false, zeroCopy},
	{"zero-copy-partial-sends", false, zeroCopyPartial},
	{"zero-copy-close", false, zeroCopyClose},
	{"zero-copy-allocations", false, zeroCopyAllocations},
	{"link", false, link},
	{"link-after-failure", false, linkAfterFailure},
	{"link-timeout-alone", false, linkTimeoutAlone},
}

// sentZC takes the completions of a ZeroCopy send that must succeed and returns
// the count: one, or two with the notification that the buffer is free.
func (r *rig) sentZC(op *backends.Op) int {
	r.Helper()
	c := r.nextOf(op)
	if c.Res <= 0 || int(c.Res) > len(op.Buf) || c.Buf != nil {
		r.Fatalf("a send of %d bytes: result %d (%v)", len(op.Buf), c.Res, c.Res.Err())
	}
	if !c.More {
		return int(c.Res)
	}
	n := r.nextOf(op)
	if n.Res != 0 || n.More || n.Buf != nil {
		r.Fatalf("notification: result %d, more %v", n.Res, n.More)
	}
	return int(c.Res)
}

// zeroCopy: a loop that does not send without copying ignores the flag; one that
// does tells when the buffer is free. The bytes are the same.
func zeroCopy(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, p := r.pair(network)
			sizes := 0
			done := make(chan []byte, 1)
			go func() {
				all, _ := io.ReadAll(p)
				done <- all
			}()
			for i := range 5 {
				send := &backends.Op{Code: backends.Send, FD: fd, Buf: r.buf(100 + i), Flags: backends.ZeroCopy}
				pattern(send.Buf, 1, sizes)
				sizes += len(send.Buf)
				r.submit(send)
				if n := r.sentZC(send); n != 100+i {
					t.Fatalf("%d of %d bytes", n, 100+i)
				}
			}
			r.closeFD(fd)
			all := <-done
			if len(all) != sizes {
				t.Fatalf("%d of %d bytes arrived", len(all), sizes)
			}
			r.same(all, 1, 0)
			r.silence()
		})
	}
}

// zeroCopyPartial is partialSends by ZeroCopy sends.
func zeroCopyPartial(t *testing.T, b backends.Backend) {
	const total = 1 << 17 // a peer may take 40 ms to acknowledge a piece
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, p := r.pair(network)
			if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
				t.Fatal(err)
			}
			data := r.buf(total)
			pattern(data, 6, 0)
			done := make(chan error, 1)
			go func() { done <- readSlowly(p, 6, total) }()
			send := &backends.Op{Code: backends.Send, FD: fd, Flags: backends.ZeroCopy}
			for sent := 0; sent < total; {
				send.Buf = data[sent:]
				r.submit(send)
				sent += r.sentZC(send)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			r.silence()
		})
	}
}

// zeroCopyClose: a Close does not lose the bytes, and every loan comes back when
// the peer has read them.
func zeroCopyClose(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, p := r.pair(network)
			send := &backends.Op{Code: backends.Send, FD: fd, Buf: r.buf(3000), Flags: backends.ZeroCopy}
			pattern(send.Buf, 3, 0)
			r.submit(send)
			c := r.nextOf(send)
			r.want(c, 3000)
			shut := &backends.Op{Code: backends.Close, FD: fd}
			r.submit(shut)
			delete(r.fds, fd)
			done := make(chan []byte, 1)
			go func() {
				back, _ := io.ReadAll(p)
				done <- back
			}()
			if c.More {
				last := r.final(send, shut)
				r.want(last[send], 0)
				r.want(last[shut], 0)
			} else {
				r.want(r.nextOf(shut), 0)
			}
			back := <-done
			if len(back) != 3000 {
				t.Fatalf("the peer read %d bytes", len(back))
			}
			r.same(back, 3, 0)
			r.silence()
		})
	}
}

func zeroCopyAllocations(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	fd, p := r.pair("tcp")
	go io.Copy(io.Discard, p)
	// Many are outstanding: the peer may take 40 ms to acknowledge one.
	sends := make([]backends.Op, 256)
	buf := r.buf(64)
	for i := range sends {
		sends[i] = backends.Op{Code: backends.Send, FD: fd, Buf: buf, Flags: backends.ZeroCopy}
	}
	next := 0
	r.frugal(func() {
		send := &sends[next%len(sends)]
		next++
		for send.Lent() {
			r.direct(nil)
		}
		r.direct(send)
	})
}

// link: with a loop that links, the second op waits for the first; with another
// both start at once. Each completes once.
func link(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		for _, m := range modes[:2] {
			t.Run(network+"/"+m.String(), func(t *testing.T) {
				r := open(t, b, backends.Config{})
				fd, p := r.pair(network)
				recv := r.recvOp(fd, m, 512)
				recv.Flags |= backends.Link
				send := &backends.Op{Code: backends.Send, FD: fd, Buf: r.buf(300)}
				pattern(send.Buf, 2, 0)
				for range 3 {
					r.submit(recv, send)
					if b.Traits().Links {
						r.silence()
						if !send.Lent() {
							t.Fatal("the second op did not wait")
						}
					}
					r.put(p, 4, 0, 77)
					last := r.final(recv, send)
					r.want(last[recv], 77)
					r.want(last[send], 300)
					if c := last[recv]; c.Buf != nil {
						r.loop.Recycle(c.Buf)
					}
					back := make([]byte, 300)
					if _, err := io.ReadFull(p, back); err != nil {
						t.Fatal(err)
					}
					r.same(back, 2, 0)
				}
				r.closeFD(fd)
			})
		}
	}
}

func linkAfterFailure(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	fd, p := r.pair("tcp")
	shut := &backends.Op{Code: backends.Shutdown, FD: fd, Off: unix.SHUT_WR}
	r.must(shut)
	send := &backends.Op{Code: backends.Send, FD: fd, Buf: r.buf(10), Flags: backends.Link}
	pause := &backends.Op{Code: backends.Timeout, Off: 1e6}
	r.submit(send, pause)
	last := r.final(send, pause)
	r.fails(last[send], unix.EPIPE)
	if b.Traits().Links {
		r.fails(last[pause], unix.ECANCELED)
	} else {
		r.fails(last[pause], unix.ETIME)
	}
	p.Close()
	r.closeFD(fd)
}

func linkTimeoutAlone(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	r.fails(r.do(&backends.Op{Code: backends.LinkTimeout, Off: 1}), unix.EINVAL)
	r.silence()
}
