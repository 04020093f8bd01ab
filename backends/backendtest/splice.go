package backendtest

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// spliceLeft: a peer sends once, more than the pipe takes, and is silent. Each
// splice falls short of its Len with the socket far from drained, and nothing
// announces the rest: a loop that takes a short count for a drained socket never
// comes to the end.
func spliceLeft(t *testing.T, b backends.Backend) {
	const size = 50_000
	eachWay(t, b, func(r *rig, w way, fds []int32, peers []peer) {
		if w.pages == 0 {
			return
		}
		y := r.relay(w, fds[0], fds[1])
		done := make(chan error, 1)
		go func() {
			b := make([]byte, size)
			_, err := io.ReadFull(peers[1], b)
			if err == nil {
				err = differs(b, 8, 0)
			}
			peers[0].CloseWrite() // not before all of it has come through
			done <- err
		}()
		r.put(peers[0], 8, 0, size)
		r.run(y)
		if err := r.hears(done); err != nil || y.last != 0 {
			r.Fatal(err, y.last.Err())
		}
	})
}

// spliceEnd: the end of a stream is 0, however often it is asked for, whether
// the op waited for it or not.
func spliceEnd(t *testing.T, b backends.Backend) {
	eachWay(t, b, func(r *rig, w way, fds []int32, peers []peer) {
		y := r.relay(w, fds[0], fds[1])
		r.silence()
		peers[0].CloseWrite()
		for range 3 {
			r.want(r.nextOf(&y.fill), 0)
			r.submit(&y.fill)
		}
		r.want(r.nextOf(&y.fill), 0)
		r.silence()
	})
}

// spliceClogged: a splice that finds no room waits for it, beside ops that go
// on, can be called off, and goes on when the peer reads.
func spliceClogged(t *testing.T, b backends.Backend) {
	if !b.Traits().Splices {
		return
	}
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, p := r.pair(network)
			if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
				t.Fatal(err)
			}
			other, q := r.pair(network)
			head, tail := r.pipe()
			piece := make([]byte, 30_000)
			drain := &backends.Op{Code: backends.Splice, FD: fd, In: head, Off: backends.FromPipe}
			waits := &backends.Op{Code: backends.Timeout, Off: int64(patience)}
			r.submit(waits) // a loop that blocks would do so in the splice else
			held, total := 0, 0
			stuck := func() bool {
				for range 3 { // the far end may make room once more
					if r.wait(1, quiet) > 0 || len(r.ready) > 0 {
						return false
					}
				}
				return true
			}
			for {
				if held == 0 {
					pattern(piece, 6, total)
					if _, err := unix.Write(int(tail), piece); err != nil {
						t.Fatal(err)
					}
					held, total = len(piece), total+len(piece)
				}
				drain.Len = int32(held)
				r.submit(drain)
				if len(r.ready) == 0 && stuck() {
					break
				}
				c := r.nextOf(drain)
				if c.Res <= 0 {
					t.Fatalf("splice: %d (%v)", c.Res, c.Res.Err())
				}
				held -= int(c.Res)
			}
			recv := r.recvOp(other, ownBuffer, 64)
			r.put(q, 1, 0, 20)
			cancel := &backends.Op{Code: backends.Cancel, Target: drain}
			r.submit(recv)
			for received := false; !received || len(r.ready) > 0; { // both may come at once
				if c := r.next(); c.Op == drain { // it was slow, not stuck
					held -= int(c.Res)
				} else {
					r.want(c, 20)
					received = true
				}
			}
			r.same(recv.Buf[:20], 1, 0)
			if drain.Lent() {
				r.submit(cancel)
				last := r.final(drain, cancel)
				if c := last[drain]; c.Res > 0 {
					r.mayBeLate(last[cancel])
					held -= int(c.Res)
				} else {
					r.want(last[cancel], 0)
					r.fails(c, unix.ECANCELED)
				}
			}
			done := make(chan error, 1)
			if drain.Len = int32(held); held > 0 {
				r.submit(drain) // before there is room
			}
			go func() { done <- listenTo(p, 6, total) }()
			for drain.Lent() || len(r.ready) > 0 || held > 0 {
				if !drain.Lent() && len(r.ready) == 0 {
					drain.Len = int32(held)
					r.submit(drain)
				}
				c := r.nextOf(drain)
				if c.Res <= 0 {
					t.Fatalf("splice: %d (%v)", c.Res, c.Res.Err())
				}
				held -= int(c.Res)
			}
			r.cancelled(waits)
			r.closeFD(fd)
			if err := r.hears(done); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// spliceIdle: hundreds of ops that wait cost no threads of the kernel's, and
// each goes on when its turn has come.
func spliceIdle(t *testing.T, b backends.Backend) {
	const conns = 300
	if !b.Traits().Splices {
		return
	}
	r := open(t, b, backends.Config{})
	head, tail := r.pipe()
	ops := make([]*backends.Op, conns)
	far := make([]int32, conns)
	for i := range ops {
		var fd int32
		fd, far[i] = r.rawPair()
		ops[i] = &backends.Op{Code: backends.Splice, FD: tail, In: fd, Off: backends.FromSocket, Len: 100}
	}
	before := workers(t)
	r.submit(ops...)
	r.silence()
	if n := workers(t); n > before {
		t.Errorf("%d threads of the kernel's for %d idle splices", n-before, conns)
	}
	var got [1]byte
	for i := conns - 1; i >= 0; i-- {
		if _, err := unix.Write(int(far[i]), []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		r.want(r.nextOf(ops[i]), 1)
		if _, err := unix.Read(int(head), got[:]); err != nil || got[0] != byte(i) {
			t.Fatal(got, err)
		}
	}
	r.silence()
}

// workers counts the threads that the kernel gave this process's rings.
func workers(t *testing.T) (n int) {
	t.Helper()
	comms, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	for _, comm := range comms {
		if name, err := os.ReadFile(comm); err == nil && strings.HasPrefix(string(name), "iou-wrk-") {
			n++
		}
	}
	return n
}

// spliceFile moves a file from an odd offset through a pipe to a socket.
func spliceFile(t *testing.T, b backends.Backend) {
	const size, start = 200_000, 4321
	if !b.Traits().Splices {
		return
	}
	r := open(t, b, backends.Config{})
	fd, p := r.pair("tcp")
	done := make(chan error, 1)
	go func() { done <- listenFrom(p, 3, start, size) }()
	head, tail := r.pipe()
	fill := &backends.Op{Code: backends.Splice, FD: tail, In: r.source(3, size), Off: start, Len: 1 << 20}
	drain := &backends.Op{Code: backends.Splice, FD: fd, In: head, Off: backends.FromPipe}
	for {
		n := r.must(fill).Res
		if n == 0 {
			break
		}
		fill.Off += int64(n)
		for held := int32(n); held > 0; held -= int32(r.must(drain).Res) {
			drain.Len = held
		}
	}
	r.closeFD(fd)
	if err := r.hears(done); err != nil {
		t.Fatal(err)
	}
	r.silence()
}
