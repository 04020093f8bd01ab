package uring

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// openVariant opens a loop of a variant that the kernel must have.
func openVariant(t *testing.T, name string, cfg backends.Config) *Loop {
	t.Helper()
	b := &Backend{variant: variant(t, name)}
	testenv.Need(t, "uring", b.Probe())
	return open(t, b, cfg)
}

// linkVariants are the variants with which the flag Link is honoured.
var linkVariants = []string{"uring+link", "uring+skip", "uring+sendbundle", "uring+link+sqpoll", "uring+link-bufring", "uring+link+zc", "uring+linktimeout"}

func eachLinking(t *testing.T, f func(t *testing.T, l *Loop)) {
	for _, name := range linkVariants {
		t.Run(name, func(t *testing.T) { f(t, openVariant(t, name, backends.Config{})) })
	}
}

func submitEach(l *Loop, ops ...*backends.Op) {
	for _, op := range ops {
		l.Submit(op)
	}
}

// expect demands exactly these results, by op; completions of one op come once.
func expect(t *testing.T, l *Loop, want map[*backends.Op]backends.Result) {
	t.Helper()
	left := len(want)
	for end := time.Now().Add(60 * time.Second); left > 0; {
		dst := make([]backends.Completion, 8)
		n, err := l.Wait(dst, 1, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range dst[:n] {
			res, ok := want[c.Op]
			if !ok {
				t.Fatalf("%v on %d completed unexpectedly, or twice, with %d", c.Op.Code, c.Op.FD, c.Res)
			}
			if c.Buf != nil {
				l.Recycle(c.Buf)
			}
			if c.More {
				continue
			}
			if c.Res != res && (c.Op.Flags&backends.ZeroCopy == 0 || c.Res != 0) {
				t.Fatalf("%v on %d: %d (%v), expected %d (%v)", c.Op.Code, c.Op.FD, c.Res, c.Res.Err(), res, res.Err())
			}
			delete(want, c.Op)
			left--
		}
		if left > 0 && time.Now().After(end) {
			t.Fatalf("%d ops have not completed", left)
		}
	}
	quiet(t, l)
}

// quiet demands that nothing completes for a moment.
func quiet(t *testing.T, l *Loop) {
	t.Helper()
	dst := make([]backends.Completion, 1)
	if n, err := l.Wait(dst, 1, 3*time.Millisecond); n != 0 || err != nil {
		t.Fatalf("%d completions (%v: %d), %v", n, dst[0].Op, dst[0].Res, err)
	}
}

func readExactly(t *testing.T, fd int32, want string) {
	t.Helper()
	got := make([]byte, 0, len(want))
	buf := make([]byte, 1<<16)
	for len(got) < len(want) {
		n, err := unix.Read(int(fd), buf[:min(len(buf), len(want)-len(got))])
		if n <= 0 {
			t.Errorf("after %d of %d bytes: %d, %v", len(got), len(want), n, err)
			return
		}
		got = append(got, buf[:n]...)
	}
	if string(got) != want {
		t.Error("the peer received other bytes, or in another order")
	}
}

func readable(fd int32) bool {
	p := []unix.PollFd{{Fd: fd, Events: unix.POLLIN}}
	n, _ := unix.Poll(p, 0)
	return n > 0
}

func mustWrite(t *testing.T, fd int32, s string) {
	t.Helper()
	if n, err := unix.Write(int(fd), []byte(s)); n != len(s) || err != nil {
		t.Errorf("%d of %d bytes written: %v", n, len(s), err)
	}
}
