package epoll

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// TestSplicesOfMessages has a socket bring one message after the other, each of which
// is one splice; a message in more pieces than the pipe has slots, of which none is
// left behind; and what nobody wants, bytes and the end, which ends no wait.
func TestSplicesOfMessages(t *testing.T) {
	const rounds = 100
	l := openLoop(t, newBackend(backends.Variant{Family: "epoll"}), backends.Config{})
	pipe := make([]int, 2)
	if err := unix.Pipe2(pipe, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	op := &backends.Op{Code: backends.Splice, In: int32(pair[0]), FD: int32(pipe[1]), Off: backends.FromSocket, Len: 1 << 20}
	dst := make([]backends.Completion, 4)
	next := func() int {
		t.Helper()
		n, err := l.Wait(dst, 1, time.Minute)
		if err != nil || n != 1 || dst[0].Res < 0 {
			t.Fatalf("%d completions (%v), the first %+v", n, err, dst[0])
		}
		moved := int(dst[0].Res)
		if moved > 0 {
			if k, err := unix.Read(pipe[0], make([]byte, moved)); k != moved {
				t.Fatalf("the pipe holds %d bytes of %d: %v", k, moved, err)
			}
		}
		return moved
	}
	// quiet sees a wait last, in which the kernel is asked a few times.
	quiet := func(what string) {
		t.Helper()
		before := l.Tally.Counters[backends.SysWait]
		if n, err := l.Wait(dst, 1, 20*time.Millisecond); n != 0 || err != nil {
			t.Fatalf("%s: %d completions, %v", what, n, err)
		}
		if n := l.Tally.Counters[backends.SysWait] - before; n > 10 {
			t.Errorf("%s: the kernel was asked %d times in one wait", what, n)
		}
	}

	for range rounds {
		l.Submit(op)
		if n, err := l.Wait(dst, 0, 0); n != 0 || err != nil { // it is there before the message
			t.Fatalf("%d completions, %v: nothing has come", n, err)
		}
		say(t, pair[1], 64)
		if n := next(); n != 64 {
			t.Fatalf("%d bytes of 64", n)
		}
	}
	c := l.Tally.Counters
	if c[backends.SysSplice] != rounds || c[backends.Again] != 0 || c[backends.SysWait] > 2*rounds+2 {
		t.Errorf("%d messages took %d splices, %d of them in vain, and %d waits", rounds, c[backends.SysSplice], c[backends.Again], c[backends.SysWait])
	}

	const pieces = 40
	for range pieces {
		say(t, pair[1], 10)
	}
	for left := pieces * 10; left > 0; {
		l.Submit(op)
		n := next()
		if left == pieces*10 && n == left {
			t.Errorf("a pipe took all %d pieces: none could be left behind", pieces)
		}
		left -= n
	}

	say(t, pair[1], 64)
	quiet("bytes that nobody wants")
	l.Submit(op)
	if n := next(); n != 64 {
		t.Fatalf("%d bytes of 64", n)
	}
	l.Submit(op)
	quiet("a splice without bytes")
	if err := unix.Shutdown(pair[1], unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if n := next(); n != 0 {
		t.Fatalf("%d bytes at the end", n)
	}
	quiet("an end that was told")
}
