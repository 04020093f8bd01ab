package backendtest

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// Operations that move bytes within the kernel.
var moveChecks = []check{
	{"move-refused", true, moveRefused},
	{"proxy", false, proxy},
	{"splice-what-the-pipe-left", false, spliceLeft},
	{"splice-end-of-file", false, spliceEnd},
	{"proxy-reset", false, proxyReset},
	{"proxy-cancel", false, proxyCancel},
	{"proxy-close", false, proxyClose},
	{"proxy-loop-close", false, proxyLoopClose},
	{"splice-into-a-full-socket", false, spliceClogged},
	{"splice-idle", false, spliceIdle},
	{"splice-file", false, spliceFile},
	{"sendfile", false, sendfile},
	{"sendfile-cancel", false, sendfileCancel},
	{"move-counters", false, moveCounters},
	{"move-allocations", false, moveAllocations},
}

// moveRefused: an op that makes no sense, or that the loop does not know, is an
// errno in a completion.
func moveRefused(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	in, out := r.pipe()
	traits := b.Traits()
	for _, op := range []struct {
		backends.Op
		known bool
		errno unix.Errno
	}{
		{backends.Op{Code: backends.Splice, FD: out, In: in, Off: backends.FromSocket}, traits.Splices, unix.EINVAL}, // Len 0
		{backends.Op{Code: backends.Splice, FD: out, In: in, Off: -3, Len: 1}, traits.Splices, unix.EINVAL},
		{backends.Op{Code: backends.Splice, FD: out, In: -1, Off: backends.FromSocket, Len: 1}, traits.Splices, unix.EBADF},
		{backends.Op{Code: backends.Splice, FD: -1, In: in, Off: backends.FromPipe, Len: 1}, traits.Splices, unix.EBADF},
		{backends.Op{Code: backends.Sendfile, FD: out, In: in, Off: -1, Len: 1}, traits.Sendfile, unix.EINVAL},
		{backends.Op{Code: backends.Sendfile, FD: out, In: -1, Len: 1}, traits.Sendfile, unix.EBADF},
		{backends.Op{Code: backends.Copy, FD: out, In: -1}, traits.Copies, unix.EBADF},
	} {
		if !op.known {
			op.errno = unix.EINVAL
		}
		r.fails(r.do(&op.Op), op.errno)
	}
	r.silence()
}

// pipe makes a pipe of the owner's.
func (r *rig) pipe() (in, out int32) {
	r.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		r.Fatal(err)
	}
	r.own(int32(p[0]), nil)
	r.own(int32(p[1]), nil)
	return int32(p[0]), int32(p[1])
}

// moveCounters: bytes that pass count once in and once out.
func moveCounters(t *testing.T, b backends.Backend) {
	const size = 100_000
	eachWay(t, b, func(r *rig, w way, fds []int32, peers []peer) {
		before := r.loop.Counters()
		y := r.relay(w, fds[0], fds[1])
		done := make(chan error, 1)
		go func() {
			go speak(peers[0], 1, size)
			done <- listenTo(peers[1], 1, size)
		}()
		r.run(y)
		if err := <-done; err != nil {
			r.Fatal(err)
		}
		r.wait(0, 0) // publishes
		c := r.loop.Counters().Sub(before)
		if c[backends.BytesIn] != size || c[backends.BytesOut] != size {
			r.Errorf("%d bytes went through; the counters say %d in, %d out", size, c[backends.BytesIn], c[backends.BytesOut])
		}
		if c[backends.SysSplice]+c[backends.Submissions] == 0 {
			r.Error("they moved without a call")
		}
	})
	if !b.Traits().Sendfile {
		return
	}
	r := open(t, b, backends.Config{})
	fd, p := r.pair("tcp")
	before := r.loop.Counters()
	r.want(r.do(&backends.Op{Code: backends.Sendfile, FD: fd, In: r.source(2, size), Len: 1000}), 1000)
	r.wait(0, 0)
	c := r.loop.Counters().Sub(before)
	if c[backends.BytesIn] != 0 || c[backends.BytesOut] != 1000 || c[backends.SysSplice] == 0 {
		t.Errorf("1000 bytes of a file were sent; the counters say %d in, %d out, %d calls",
			c[backends.BytesIn], c[backends.BytesOut], c[backends.SysSplice])
	}
	r.closeFD(fd)
	if err := listenFrom(p, 2, 0, 1000); err != nil {
		t.Error(err)
	}
}

// moveAllocations: in steady state nothing is allocated, where it is not package
// net that does it.
func moveAllocations(t *testing.T, b backends.Backend) {
	if !b.Traits().Splices {
		return
	}
	r := open(t, b, backends.Config{})
	in, far := r.rawPair()
	out, end := r.rawPair()
	head, tail := r.pipe()
	fill := &backends.Op{Code: backends.Splice, FD: tail, In: in, Off: backends.FromSocket, Len: 1 << 16}
	drain := &backends.Op{Code: backends.Splice, FD: out, In: head, Off: backends.FromPipe}
	send := &backends.Op{Code: backends.Sendfile, FD: out, In: r.source(2, 64), Len: 64}
	msg, sends := make([]byte, 64), b.Traits().Sendfile
	round := func() {
		unix.Write(int(far), msg)
		drain.Len = int32(r.direct(fill).Res)
		r.direct(drain)
		unix.Read(int(end), msg)
		if sends {
			r.direct(send)
			unix.Read(int(end), msg)
		}
	}
	for range 20 {
		round()
	}
	// Fewer rounds than frugal has, as a splice may be a trip to another thread.
	if n := testing.AllocsPerRun(100, round); n > 0 {
		t.Errorf("%v allocations a round", n)
	}
}
