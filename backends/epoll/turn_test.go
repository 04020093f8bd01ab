package epoll

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// TestTurns has two sockets hold more than a turn each, and sees them read in turns,
// by receives that stay armed and by splices that are asked for one by one.
func TestTurns(t *testing.T) {
	const size, reads = 4096, turnReads + turnReads/2
	for _, code := range []backends.Code{backends.Recv, backends.Splice} {
		t.Run(code.String(), func(t *testing.T) {
			l := openLoop(t, newBackend(backends.Variant{Family: "epoll"}), backends.Config{Bufs: 64, BufSize: size})
			pipe := make([]int, 2)
			if err := unix.Pipe2(pipe, unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			defer unix.Close(pipe[0])
			defer unix.Close(pipe[1])
			ops := make([]backends.Op, 2)
			for i := range ops {
				pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(pair[0])
				defer unix.Close(pair[1])
				if n, err := unix.Write(pair[1], make([]byte, reads*size)); n != reads*size {
					t.Fatalf("wrote %d of %d: %v", n, reads*size, err)
				}
				ops[i] = backends.Op{Code: code, FD: int32(pair[0])}
				if code == backends.Recv {
					ops[i].Flags = backends.SelectBuf | backends.Multishot
				} else {
					ops[i].In, ops[i].FD, ops[i].Off, ops[i].Len = ops[i].FD, int32(pipe[1]), backends.FromSocket, size
				}
				l.Submit(&ops[i])
			}
			var of []int // whose each read was
			dst := make([]backends.Completion, 1)
			for len(of) < 2*reads {
				if _, err := l.Wait(dst, 1, time.Minute); err != nil || dst[0].Res != size {
					t.Fatalf("after %d reads: %d, %v", len(of), dst[0].Res, err)
				}
				op := dst[0].Op
				of = append(of, slices.IndexFunc(ops, func(o backends.Op) bool { return o.Socket() == op.Socket() }))
				if dst[0].Buf != nil {
					l.Recycle(dst[0].Buf)
					continue
				}
				if _, err := unix.Read(pipe[0], make([]byte, size)); err != nil {
					t.Fatal(err)
				}
				l.Submit(op)
			}
			first := of[0]
			want := slices.Concat(slices.Repeat([]int{first}, turnReads), slices.Repeat([]int{1 - first}, turnReads),
				slices.Repeat([]int{first}, reads-turnReads), slices.Repeat([]int{1 - first}, reads-turnReads))
			if !slices.Equal(of, want) {
				t.Errorf("read %v, want turns of %d: %v", of, turnReads, want)
			}
		})
	}
}

// Streams that found no buffer once are read again although others, as many as there
// are buffers, never run dry.
func TestStarvedTakeTurns(t *testing.T) {
	const bufs, streams, size = 4, 6, 4096
	l := openLoop(t, newBackend(backends.Variant{Family: "epoll"}), backends.Config{Bufs: bufs, BufSize: size})
	var far [streams]int
	var ops [streams]backends.Op
	for i := range ops {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pair[0])
		defer unix.Close(pair[1])
		far[i] = pair[1]
		say(t, far[i], 2*bufs*size)
		ops[i] = backends.Op{Code: backends.Recv, FD: int32(pair[0]), Flags: backends.SelectBuf | backends.Multishot}
		l.Submit(&ops[i])
	}
	var seen [streams]bool
	dst := make([]backends.Completion, bufs)
	for wait := 0; slices.Contains(seen[:], false); wait++ {
		n, err := l.Wait(dst, 1, time.Minute)
		if err != nil || wait == 100 {
			t.Fatalf("after %d waits these were read: %v, %v", wait, seen, err)
		}
		if wait == 0 { // the others find no buffer
			if n, err := l.Wait(make([]backends.Completion, 1), 1, 0); n != 0 || err != nil {
				t.Fatal(n, err)
			}
		}
		for _, c := range dst[:n] {
			i := slices.IndexFunc(ops[:], func(op backends.Op) bool { return op.FD == c.Op.FD })
			seen[i] = true
			say(t, far[i], len(c.Buf))
			l.Recycle(c.Buf)
		}
	}
}

// say has a peer send n bytes.
func say(t *testing.T, fd, n int) {
	t.Helper()
	if _, err := unix.Write(fd, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}
