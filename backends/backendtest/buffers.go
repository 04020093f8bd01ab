package backendtest

import (
	"io"
	"reflect"
	"slices"
	"testing"

	"github.com/ringbench/ringbench/backends"
)

var bufferChecks = []check{
	{"poison-own-buffer", false, poisonOwn},
	{"poison-chosen-buffer", false, poisonChosen},
	{"held-buffers-stay", false, heldBuffers},
	{"buffers-run-out", false, exhaustion},
	{"buffers-run-out-then-cancel-and-close", false, exhaustionEnds},
	{"buffers-filled-exactly", false, fullBuffers},
	{"empty-ends-keep-no-buffer", false, emptyEnds},
}

const poison = 0xDB

func (r *rig) poisoned(what string, b []byte) {
	r.Helper()
	for i, x := range b {
		if x != poison {
			r.Fatalf("%s: byte %d of %d is %#02x and not poison", what, i, len(b), x)
		}
	}
}

// poisonOwn: from Submit to completion a receive's buffer holds poison, and
// nothing but the received bytes replaces it.
func poisonOwn(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{Poison: true})
	fd, p := r.pair("unix")
	op := r.recvOp(fd, ownBuffer, 256)
	r.submit(op)
	r.poisoned("lent for a receive", op.Buf)
	r.silence()
	r.poisoned("while nothing arrives", op.Buf)
	r.put(p, 1, 0, 100)
	n := r.nextOf(op).Res
	if n <= 0 || n > 100 {
		t.Fatalf("recv: %d (%v)", n, n.Err())
	}
	r.same(op.Buf[:n], 1, 0)
	r.poisoned("beyond what arrived", op.Buf[n:])
	// A send must find its bytes as they were.
	send := &backends.Op{Code: backends.Send, FD: fd, Buf: r.buf(64)}
	pattern(send.Buf, 2, 0)
	r.transfer(send)
	r.same(send.Buf, 2, 0)
	back := make([]byte, 64)
	if _, err := io.ReadFull(p, back); err != nil {
		t.Fatal(err)
	}
	r.same(back, 2, 0)
}

// poisonChosen: a chosen buffer has poison beyond what arrived, and is poisoned
// as soon as it is given back.
func poisonChosen(t *testing.T, b backends.Backend) {
	for _, m := range []mode{selectBuf, multishot} {
		t.Run(m.String(), func(t *testing.T) {
			const size = 1024
			r := open(t, b, backends.Config{Poison: true, Bufs: 2, BufSize: size})
			fd, p := r.pair("unix")
			op := r.recvOp(fd, m, 0)
			r.submit(op)
			var behind uintptr  // the piece before, if a loop hands a buffer out in pieces
			for i := range 10 { // each buffer several times
				all := 700 - i*60
				r.put(p, 3, i*1000, all)
				for got := 0; got < all; {
					c := r.nextOf(op)
					n := int(c.Res)
					if n <= 0 || n > all-got || len(c.Buf) != n {
						t.Fatalf("recv: %d (%v) with a buffer of %d", n, c.Res.Err(), len(c.Buf))
					}
					r.same(c.Buf, 3, i*1000+got)
					got += n
					if cap(c.Buf) > size {
						t.Fatalf("a buffer of %d bytes reaches to %d", size, cap(c.Buf))
					}
					at := reflect.ValueOf(c.Buf).Pointer()
					if at%backends.PageSize != 0 && at != behind {
						t.Errorf("a chosen buffer starts at %#x, inside a page and not behind the one before", at)
					}
					behind = at + uintptr(n)
					whole := c.Buf[:cap(c.Buf)]
					r.poisoned("beyond what arrived", whole[n:])
					r.loop.Recycle(c.Buf)
					r.poisoned("after Recycle", whole)
					r.rearm(op, m)
				}
			}
		})
	}
}

// heldBuffers: what the owner holds is not written to while more arrives.
func heldBuffers(t *testing.T, b backends.Backend) {
	const n = 6
	r := open(t, b, backends.Config{Bufs: 64, Poison: true})
	fd, p := r.pair("tcp")
	op := r.recvOp(fd, multishot, 0)
	r.submit(op)
	var held [][]byte
	for i := range n {
		r.put(p, 4, i*100, 100)
		c := r.nextOf(op)
		if c.Res <= 0 {
			t.Fatalf("arrival %d: %d (%v)", i, c.Res, c.Res.Err())
		}
		held = append(held, c.Buf)
	}
	got := 0
	for _, b := range held {
		r.same(b, 4, got)
		got += len(b)
	}
	for _, i := range []int{3, 0, 5, 1, 4, 2} {
		r.loop.Recycle(held[i][:1]) // a slice that starts at the same byte will do
	}
	r.put(p, 4, n*100, 20000)
	r.received(op, multishot, 4, got, n*100+20000-got)
}

// exhaustion has more connections with data than the loop has buffers and an
// owner that is slow to give them back: all of it arrives, in order, nothing
// twice, and no error shows.
func exhaustion(t *testing.T, b backends.Backend) {
	for _, m := range []mode{selectBuf, multishot} {
		t.Run(m.String(), func(t *testing.T) {
			const conns, each = 8, 5000
			r := open(t, b, backends.Config{Bufs: 2, BufSize: 512, Poison: true})
			h := hoarder{rig: r, mode: m, got: make([]int, conns)}
			var peers []peer
			for i := range conns {
				fd, p := r.pair(networks[i%len(networks)])
				peers = append(peers, p)
				h.ops = append(h.ops, r.recvOp(fd, m, 0))
			}
			r.submit(h.ops...)
			r.silence()
			for i, p := range peers {
				r.put(p, i, 0, each)
				p.CloseWrite()
			}
			for h.ended < conns {
				for h.buffers() == 2 {
					h.release()
				}
				h.take(r.next())
			}
			for i, n := range h.got {
				if n != each {
					t.Errorf("connection %d delivered %d of %d bytes", i, n, each)
				}
			}
			for len(h.held) > 0 {
				h.release()
			}
			r.wait(0, 0)
			if r.loop.Counters()[backends.NoBufs] == 0 {
				t.Error("buffers ran out and the counter no_bufs says that they did not")
			}
		})
	}
}

// A hoarder receives on many connections and holds every buffer of the loop
// before it gives the oldest back.
type hoarder struct {
	*rig
	mode     mode
	ops      []*backends.Op
	got      []int // bytes a connection
	held     []holding
	ended    int
	releases int
}

type holding struct {
	buf            []byte
	stream, offset int
}

func (h *hoarder) take(c backends.Completion) {
	h.Helper()
	i := indexOf(h.ops, c.Op)
	switch {
	case c.Res < 0:
		h.Fatalf("connection %d: %v", i, c.Res.Err())
	case c.Res == 0:
		h.ended++
	default:
		h.held = append(h.held, holding{c.Buf, i, h.got[i]})
		if n := h.buffers(); n > 2 {
			h.Fatalf("connection %d received %d bytes into the %dth of 2 buffers", i, c.Res, n)
		}
		h.got[i] += int(c.Res)
		if h.mode != multishot {
			h.submit(c.Op)
		}
	}
}

// buffers is how many buffers are held, each of which lies in a page of its own.
// Several pieces of one count once.
func (h *hoarder) buffers() int {
	pages := map[uintptr]bool{}
	for _, x := range h.held {
		pages[reflect.ValueOf(x.buf).Pointer()/backends.PageSize] = true
	}
	return len(pages)
}

// release gives the oldest buffer back. At first it dawdles before, to see that
// nothing comes for which there is no buffer.
func (h *hoarder) release() {
	h.Helper()
	if h.releases++; h.releases < 5 {
		h.wait(1, quiet)
		for _, c := range h.ready {
			h.take(c)
		}
		h.ready = nil
	}
	old := h.held[0]
	h.same(old.buf, old.stream, old.offset)
	h.loop.Recycle(old.buf)
	h.held = h.held[1:]
}

// exhaustionEnds: receives that wait for a buffer can be cancelled, and their
// descriptors closed; buffers that come back later go to those that remain.
func exhaustionEnds(t *testing.T, b backends.Backend) {
	for _, m := range []mode{selectBuf, multishot} {
		t.Run(m.String(), func(t *testing.T) {
			const size = 64
			r := open(t, b, backends.Config{Bufs: 2, BufSize: size})
			var ops []*backends.Op
			var peers []peer
			for i := range 6 {
				fd, p := r.pair(networks[i%len(networks)])
				peers = append(peers, p)
				ops = append(ops, r.recvOp(fd, m, 0))
			}
			r.submit(ops[0])
			var held [][]byte
			got := make([]int, len(ops))
			for i := range 2 { // fills both
				r.put(peers[0], 0, i*size, size)
				for got[0] < (i+1)*size {
					c := r.nextOf(ops[0])
					r.same(c.Buf, 0, got[0])
					got[0] += len(c.Buf)
					held = append(held, c.Buf)
					r.rearm(ops[0], m)
				}
			}
			want := []int{2 * size, 0, 0, 10, 10, 10}
			for i, p := range peers[1:] {
				r.put(p, i+1, 0, 10)
			}
			r.submit(ops[1:]...)
			r.silence()
			r.cancelled(ops[1])
			cl := &backends.Op{Code: backends.Close, FD: ops[2].FD}
			r.submit(cl)
			r.closes(cl, ops[2])
			delete(r.fds, ops[2].FD)
			r.silence()
			for _, b := range held {
				r.loop.Recycle(b)
			}
			for !slices.Equal(got, want) {
				c := r.next()
				i := indexOf(ops, c.Op)
				if got[i] += r.keep(c, m, i, got[i]); got[i] < want[i] || i == 0 {
					r.rearm(c.Op, m)
				} else if got[i] > want[i] {
					t.Fatalf("op %d delivered %d of %d bytes", i, got[i], want[i])
				}
			}
			// The cancelled one lost nothing: its bytes wait in the socket.
			r.submit(ops[1])
			r.received(ops[1], m, 1, 0, 10)
			r.silence()
		})
	}
}

// emptyEnds: receives that end without data, by an end of file, an error or a
// cancel, keep no buffer.
func emptyEnds(t *testing.T, b backends.Backend) {
	for _, m := range []mode{selectBuf, multishot} {
		t.Run(m.String(), func(t *testing.T) {
			r := open(t, b, backends.Config{Bufs: 2})
			for i := range 30 {
				fd, p := r.pair(networks[i%len(networks)])
				op := r.recvOp(fd, m, 0)
				r.submit(op)
				switch i % 3 {
				case 0:
					p.CloseWrite()
					r.ended(op)
				case 1:
					r.cancelled(op)
				case 2:
					cl := &backends.Op{Code: backends.Close, FD: fd}
					r.submit(cl)
					r.closes(cl, op)
					delete(r.fds, fd)
				}
			}
			fd, p := r.pair("unix")
			op := r.recvOp(fd, m, 0)
			r.submit(op)
			r.put(p, 5, 0, 4096*2) // both buffers at once, if both are there
			first := r.nextOf(op)
			r.rearm(op, m)
			second := r.nextOf(op)
			if first.Res <= 0 || second.Res <= 0 {
				t.Fatalf("receives: %d, %d", first.Res, second.Res)
			}
			r.same(first.Buf, 5, 0)
			r.same(second.Buf, 5, len(first.Buf))
		})
	}
}
