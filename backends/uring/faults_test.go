package uring

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A refusal that never ends is an error that names it, in bounded time, and the
// loop can be used again when the kernel has recovered.
func TestPersistentRefusal(t *testing.T) {
	for errno, say := range map[unix.Errno]string{
		unix.EAGAIN: "takes no more requests",
		unix.EBUSY:  "takes no more requests",
		unix.ENOMEM: "takes no more requests",
		unix.EEXIST: "thread other than the one",
		unix.EBADR:  "dropped",
		unix.EFAULT: "io_uring_enter",
	} {
		t.Run(errno.Error(), func(t *testing.T) {
			b := &Backend{variant: backends.Variant{Family: "uring"}}
			testenv.Need(t, "uring", b.Probe())
			broken := true
			b.enter = func(fd int, toSubmit, minComplete, flags uint32, arg unsafe.Pointer, size uintptr) (int, unix.Errno) {
				if broken {
					return 0, errno
				}
				return uapi.Enter(fd, toSubmit, minComplete, flags, arg, size)
			}
			l := open(t, b, backends.Config{})
			if errno != unix.EAGAIN {
				l.stalls = maxStalls - 20 // the way there is the same
			}
			op := &backends.Op{Code: backends.Nop}
			l.Submit(op)
			n, err := l.Wait(make([]backends.Completion, 1), 1, -1)
			if n != 0 || !errors.Is(err, errno) || !strings.Contains(err.Error(), say) {
				t.Fatalf("%d, %v", n, err)
			}
			broken = false
			if c := await(t, l, 1)[0]; c.Op != op || c.Res != 0 {
				t.Fatalf("afterwards: %+v", c)
			}
		})
	}
}

// Of completions that it dropped the kernel tells once, and then others are there to
// be handed out: the owner hears of it all the same, also where it was Submit that
// entered the kernel.
func TestDroppedIsTold(t *testing.T) {
	for _, code := range []backends.Code{backends.Nop, backends.Shutdown} {
		b := &Backend{variant: backends.Variant{Family: "uring"}}
		testenv.Need(t, "uring", b.Probe())
		dropped := true
		b.enter = func(fd int, toSubmit, minComplete, flags uint32, arg unsafe.Pointer, size uintptr) (int, unix.Errno) {
			n, errno := uapi.Enter(fd, toSubmit, minComplete, flags, arg, size)
			if dropped && errno == 0 {
				dropped = false
				return 0, unix.EBADR
			}
			return n, errno
		}
		l := open(t, b, backends.Config{})
		here, _ := socketpair(t)
		l.Submit(&backends.Op{Code: backends.Send, FD: here, Buf: make([]byte, 1)})
		l.Submit(&backends.Op{Code: code, FD: here, Off: unix.SHUT_WR})
		var done, told int
		for range 4 {
			n, err := l.Wait(make([]backends.Completion, 4), 0, 0)
			done += n
			if errors.Is(err, unix.EBADR) {
				told++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if done != 2 || told != 1 {
			t.Errorf("%v: %d of 2 ops completed, and the loss was told %d times", code, done, told)
		}
	}
}

// A loop on another thread is refused by the kernel, in words.
func TestWrongThread(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		if b.mask.has(single) {
			t.Skip("without SINGLE_ISSUER the kernel does not mind")
		}
		l := open(t, b, backends.Config{})
		l.Submit(&backends.Op{Code: backends.Nop})
		fail := make(chan error)
		go func() {
			runtime.LockOSThread() // ends the thread, which the loop's is not
			// A registered ring is its thread's own, so the plain descriptor is used.
			fd, or := l.ring.enterFD, l.ring.enterOr
			l.ring.enterFD, l.ring.enterOr = l.ring.fd, 0
			_, err := l.Wait(make([]backends.Completion, 1), 1, 0)
			l.ring.enterFD, l.ring.enterOr = fd, or
			fail <- err
		}()
		if err := <-fail; !errors.Is(err, unix.EEXIST) {
			t.Errorf("%v", err)
		}
	})
}

// Interrupts are counted and do not end a Wait.
func TestInterrupts(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		calls := 0
		b.enter = func(fd int, toSubmit, minComplete, flags uint32, arg unsafe.Pointer, size uintptr) (int, unix.Errno) {
			if calls++; calls <= 5 {
				return 0, unix.EINTR
			}
			return uapi.Enter(fd, toSubmit, minComplete, flags, arg, size)
		}
		l := open(t, b, backends.Config{})
		l.Submit(&backends.Op{Code: backends.Nop})
		n, err := l.Wait(make([]backends.Completion, 1), 1, -1)
		if n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		l.tally.Publish()
		if c := l.Counters(); c[backends.Interrupts] != 5 || c[backends.SysWait] != uint64(calls) {
			t.Errorf("%d interrupts in %d of %d calls", c[backends.Interrupts], c[backends.SysWait], calls)
		}
	})
}

// Close does not wait for ever: the kernel is made to keep an operation by never
// hearing of its cancellation.
func TestCloseGivesUp(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		deaf := false
		b.enter = func(fd int, toSubmit, minComplete, flags uint32, arg unsafe.Pointer, size uintptr) (int, unix.Errno) {
			if deaf {
				return 0, unix.EINTR
			}
			return uapi.Enter(fd, toSubmit, minComplete, flags, arg, size)
		}
		l := open(t, b, backends.Config{})
		here, _ := socketpair(t)
		l.Submit(&backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf})
		if _, err := l.Wait(make([]backends.Completion, 1), 0, 0); err != nil {
			t.Fatal(err)
		}
		deaf = true
		if err := l.drain(time.Now().Add(20 * time.Millisecond)); err == nil || !strings.Contains(err.Error(), "1 operations") {
			t.Errorf("%v", err)
		}
		deaf = false // the clean-up closes the loop in earnest
	})
}

// The runtime can stop a loop that is blocked raw in the kernel: else a garbage
// collection would wait for the next completion.
func TestGarbageCollection(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // the loop keeps its P
	}
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{})
		here, far := socketpair(t)
		l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here})
		go func() {
			for range 10 {
				runtime.GC()
			}
			_, _ = unix.Write(int(far), []byte{1})
		}()
		dst := make([]backends.Completion, 1)
		if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil || dst[0].Res != 1 {
			t.Fatalf("%d, %v, %+v", n, err, dst[0])
		}
	})
}

// A polling thread that has gone to sleep is woken.
func TestPollerSleeps(t *testing.T) {
	b := &Backend{variant: variant(t, "uring+sqpoll")}
	testenv.Need(t, "uring", b.Probe())
	l := open(t, b, backends.Config{})
	for range 2 {
		for end := time.Now().Add(60 * time.Second); l.ring.sqFlags.Load()&uapi.SQNeedWakeup == 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the thread does not go to sleep")
			}
		}
		before := l.tally.Counters[backends.SysWait]
		op := &backends.Op{Code: backends.Nop}
		l.Submit(op)
		if c := await(t, l, 1)[0]; c.Op != op {
			t.Fatalf("%+v", c)
		}
		if l.tally.Counters[backends.SysWait] == before {
			t.Error("it was not called, and yet it woke")
		}
	}
}
