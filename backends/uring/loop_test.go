package uring

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// tiers are the levels of kernel support, made by masking features off.
var tiers = map[string]caps{
	"6.1":  0,
	"5.19": deferred | single | recvMulti | noSQArray,
	"5.15": deferred | single | recvMulti | noSQArray | coop | bufRings | acceptMulti | cancelByFD | ringFD | submitAll,
}

func eachTier(t *testing.T, f func(t *testing.T, b *Backend)) {
	t.Helper()
	for name, mask := range tiers {
		t.Run("tier="+name, func(t *testing.T) {
			b := &Backend{variant: backends.Variant{Family: "uring"}, mask: mask}
			testenv.Need(t, "uring", b.Probe())
			if got := b.Traits().Tier; got != name {
				t.Fatalf("tier %s in force", got)
			}
			f(t, b)
		})
	}
}

func open(t *testing.T, b *Backend, cfg backends.Config) *Loop {
	t.Helper()
	cfg.Poison = true
	l, err := b.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.(*Loop)
}

func socketpair(t *testing.T) (a, b int32) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(p[:]) })
	return int32(p[0]), int32(p[1])
}

// await returns the next n completions.
func await(t *testing.T, l backends.Loop, n int) []backends.Completion {
	t.Helper()
	var all []backends.Completion
	dst := make([]backends.Completion, n)
	for end := time.Now().Add(5 * time.Second); len(all) < n; {
		k, err := l.Wait(dst[:n-len(all)], 1, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, dst[:k]...)
		if time.Now().After(end) {
			t.Fatalf("%d of %d completions after 5 s: %v", len(all), n, all)
		}
	}
	return all
}

func TestEcho(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{Bufs: 4})
		here, there := socketpair(t)
		recv := &backends.Op{Code: backends.Recv, Flags: backends.Multishot | backends.SelectBuf, FD: here}
		l.Submit(recv)
		for i := range 100 {
			msg := []byte{byte(i), 1, 2, 3}
			if _, err := unix.Write(int(there), msg); err != nil {
				t.Fatal(err)
			}
			c := await(t, l, 1)[0]
			if c.Op != recv || c.Res != 4 || !c.More || string(c.Buf) != string(msg) {
				t.Fatalf("message %d: %+v", i, c)
			}
			send := &backends.Op{Code: backends.Send, FD: here, Buf: c.Buf}
			l.Submit(send)
			if c := await(t, l, 1)[0]; c.Op != send || c.Res != 4 {
				t.Fatalf("send %d: %+v", i, c)
			}
			l.Recycle(c.Buf)
			got := make([]byte, 8)
			if n, err := unix.Read(int(there), got); err != nil || string(got[:n]) != string(msg) {
				t.Fatalf("echo %d: %v %v", i, got[:n], err)
			}
		}
		_ = unix.Shutdown(int(there), unix.SHUT_WR)
		if c := await(t, l, 1)[0]; c.Res != 0 || c.More {
			t.Fatalf("end of file: %+v", c)
		}
		t.Log(l.tally.Counters.Map())
	})
}
