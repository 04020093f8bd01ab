package uring

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// named is the backend of a variant, where this kernel has it.
func named(t *testing.T, name string) *Backend {
	t.Helper()
	b := &Backend{variant: variant(t, name)}
	testenv.Need(t, "uring", b.Probe())
	return b
}

// A call is one io_uring_enter and how it ended.
type call struct {
	fd                   int
	submit, least, flags uint32
	arg                  unsafe.Pointer
	size                 uintptr
	taken                int
	errno                unix.Errno
}

// recordCalls records a loop's calls from now on.
func recordCalls(l *Loop) *[]call {
	var calls []call
	enter := l.enter
	l.enter = func(fd int, submit, least, flags uint32, arg unsafe.Pointer, size uintptr) (int, unix.Errno) {
		n, errno := enter(fd, submit, least, flags, arg, size)
		calls = append(calls, call{fd, submit, least, flags, arg, size, n, errno})
		return n, errno
	}
	return &calls
}

// A wait that ends with nothing enters the kernel once.
func TestWaitInVain(t *testing.T) {
	l := open(t, named(t, "uring"), backends.Config{})
	calls := recordCalls(l)
	for _, timeout := range []time.Duration{0, time.Millisecond} {
		var n int
		var err error
		for again := true; again; { // the runtime's signals end an enter early
			*calls = nil
			n, err = l.Wait(make([]backends.Completion, 1), 1, timeout)
			again = slices.ContainsFunc(*calls, func(c call) bool { return c.errno == unix.EINTR })
		}
		if n != 0 || err != nil || len(*calls) != 1 {
			t.Errorf("%v: %d completions, %v, by %d enters: %+v", timeout, n, err, len(*calls), *calls)
		}
	}
}

// Each Submit of naive, and of an op that is prompt, is an enter that gives the
// kernel one entry, without waiting; else it gets all of them at once.
func TestNaive(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags backends.Flags
		want  int
	}{
		{"uring", 0, 1}, {"uring", backends.Prompt, 10}, {"uring", backends.Prompt | backends.Link, 1},
		{"uring+naive", 0, 10}, {"uring+hold", backends.Prompt, 1},
	} {
		name, want := c.name, c.want
		l := open(t, named(t, name), backends.Config{})
		calls := recordCalls(l)
		for range 10 {
			l.Submit(&backends.Op{Code: backends.Nop, Flags: c.flags})
		}
		await(t, l, 10)
		taking := 0
		for _, c := range *calls {
			if c.taken == 0 {
				continue
			}
			taking++
			if want == 10 && (c.taken != 1 || c.least != 0 || c.flags&uapi.EnterGetEvents != 0) {
				t.Errorf("an enter of %s: %+v", name, c)
			}
		}
		if taking != want {
			t.Errorf("%s, flags %#x: the kernel took entries in %d enters, expected %d", name, c.flags, taking, want)
		}
	}
}

// What completes as it is submitted, alone, does not keep a loop from the rest.
func TestNaiveAsks(t *testing.T) {
	for name, flags := range map[string]backends.Flags{"uring+naive": 0, "uring": backends.Prompt} {
		t.Run(name, func(t *testing.T) { demandAsks(t, name, flags) })
	}
}

func demandAsks(t *testing.T, name string, flags backends.Flags) {
	l := open(t, named(t, name), backends.Config{})
	here, far := socketpair(t)
	recv := &backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: here}
	l.Submit(recv)
	nothingYet(t, l)
	say(t, far, "ping")
	nop, dst := &backends.Op{Code: backends.Nop, Flags: flags}, make([]backends.Completion, 1)
	for range 3 * maxSkips {
		if !nop.Lent() {
			l.Submit(nop)
		}
		if n, err := l.Wait(dst, 1, -1); err != nil {
			t.Fatal(err)
		} else if n == 1 && dst[0].Op == recv {
			l.Recycle(dst[0].Buf)
			return
		}
	}
	t.Errorf("the receive has not completed in %d Waits", 3*maxSkips)
}

// uninterrupted keeps the runtime from interrupting this thread, which it does after
// 10 ms in a raw call: a wait that is interrupted brings what there is. Nor may
// the runtime collect meanwhile, for it would wait for this thread.
func uninterrupted(t *testing.T) {
	t.Helper()
	percent := debug.SetGCPercent(-1)
	// That waits for the marking of a collection under way, this for its end.
	runtime.ReadMemStats(new(runtime.MemStats))
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	runtime.LockOSThread()
	var urgent, old unix.Sigset_t
	urgent.Val[0] = 1 << (unix.SIGURG - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &urgent, &old); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	})
}

// trickle makes n receives complete, one after the other. (A timeout would not
// do: it ends every wait, whatever the wait was for; io_should_wake,
// io_uring/io_uring.h.)
func trickle(t *testing.T, l *Loop, n int) {
	t.Helper()
	var far []int32
	for range n {
		here, there := socketpair(t)
		far = append(far, there)
		l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: here})
	}
	go func() {
		for _, fd := range far {
			time.Sleep(3 * time.Millisecond)
			if _, err := unix.Write(int(fd), []byte{1}); err != nil {
				t.Error(err)
			}
		}
	}()
}

// A Wait that gathers for long ends when the batch is complete, and not
// before, by registered arguments and by others.
func TestMinWaitGathers(t *testing.T) {
	uninterrupted(t)
	for _, name := range []string{"uring+batch=4+minwait=20s", "uring+batch=4+minwait=20s+regwait", "uring+batch=4+minwait=20s-defer-ringfd"} {
		l := open(t, named(t, name), backends.Config{})
		trickle(t, l, 4)
		dst := make([]backends.Completion, 16)
		if n, err := l.Wait(dst, 1, -1); n != 4 || err != nil {
			t.Errorf("%s: %d completions, %v", name, n, err)
		}
	}
}

// When the time to gather is over, a Wait takes what is there, and where nothing
// is, the first that comes; the kernel does that within one call.
func TestMinWaitEnds(t *testing.T) {
	uninterrupted(t)
	for _, name := range []string{"uring+minwait=1ms", "uring+batch=8+minwait=1ms", "uring+minwait=1ms+regwait"} {
		l := open(t, named(t, name), backends.Config{})
		calls := recordCalls(l)
		l.Submit(&backends.Op{Code: backends.Nop})
		l.Submit(&backends.Op{Code: backends.Timeout, Off: 3600e9})
		dst := make([]backends.Completion, 16)
		if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil || dst[0].Op.Code != backends.Nop {
			t.Errorf("%s: %d completions, %v", name, n, err)
		}
		*calls = nil
		trickle(t, l, 1)
		if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil {
			t.Errorf("%s: %d completions, %v", name, n, err)
		}
		if len(*calls) != 1 {
			t.Errorf("%s: the wait was not one call: %+v", name, *calls)
		}
		// A time limit that is shorter than the time to gather holds.
		long := open(t, named(t, strings.Replace(name, "1ms", "1h", 1)), backends.Config{})
		if n, err := long.Wait(dst, 1, 2*time.Millisecond); n != 0 || err != nil {
			t.Errorf("%s: %d completions, %v", name, n, err)
		}
	}
}

// A Wait asks the kernel for a batch, once, and does not hang when less comes.
func TestBatch(t *testing.T) {
	l := open(t, named(t, "uring+batch=4"), backends.Config{})
	calls := recordCalls(l)
	l.Submit(&backends.Op{Code: backends.Timeout, Off: 3600e9})
	for range 3 {
		l.Submit(&backends.Op{Code: backends.Nop})
	}
	dst := make([]backends.Completion, 16)
	if n, err := l.Wait(dst, 1, -1); n != 3 || err != nil {
		t.Fatalf("%d completions, %v", n, err)
	}
	if c := (*calls)[0]; c.least != 4 {
		t.Errorf("the kernel was asked for %d completions", c.least)
	}
	for _, c := range (*calls)[1:] {
		if c.least > 1 {
			t.Errorf("a batch was asked for again: %+v", c)
		}
	}
	// Never for more than there is room for, and never by a Wait that must not block.
	*calls = nil
	l.Submit(&backends.Op{Code: backends.Nop})
	if n, err := l.Wait(dst[:1], 1, -1); n != 1 || err != nil || (*calls)[0].least > 1 {
		t.Errorf("%d completions, %v: %+v", n, err, *calls)
	}
	*calls = nil
	if n, err := l.Wait(dst, 0, 0); n != 0 || err != nil {
		t.Errorf("%d completions, %v", n, err)
	}
	for _, c := range *calls {
		if c.least != 0 {
			t.Errorf("a Wait that must not block: %+v", c)
		}
	}
}

// The limit of a wait reaches the kernel through the region: the call carries
// an offset and no address, and ends all the same.
func TestRegWait(t *testing.T) {
	l := open(t, named(t, "uring+regwait"), backends.Config{})
	calls := recordCalls(l)
	const limit = 20 * time.Millisecond
	for i := range 3 {
		began := time.Now()
		n, err := l.Wait(make([]backends.Completion, 1), 1, limit)
		if n != 0 || err != nil {
			t.Fatalf("wait %d: %d completions, %v", i, n, err)
		}
		if d := time.Since(began); d < limit {
			t.Errorf("a wait of %v ended after %v", limit, d)
		}
	}
	expired := 0
	for _, c := range *calls {
		if c.least > 0 && (c.flags&uapi.EnterExtArgReg == 0 || c.arg != nil || c.size != 64) {
			t.Errorf("%+v", c)
		}
		if c.errno == unix.ETIME {
			expired++
		}
	}
	if expired == 0 {
		t.Error("no call ended by its limit")
	}
	// What the kernel reads is the region: a signal mask that cannot be is refused.
	l.waits.reg.SigmaskSize, l.waits.reg.Sigmask = 1, 1
	if _, errno := uapi.Enter(l.ring.fd, 0, 1, uapi.EnterGetEvents|uapi.EnterExtArg|uapi.EnterExtArgReg, nil, 64); errno != unix.EINVAL {
		t.Errorf("a bad argument in the region: %v", errno)
	}
	l.waits.reg.SigmaskSize, l.waits.reg.Sigmask = 0, 0
}

// The kernel tells what was registered when it is unregistered.
func TestNAPI(t *testing.T) {
	l := open(t, named(t, "uring+napi=77us"), backends.Config{})
	was, errno := setNAPI(l.ring.fd, uapi.UnregisterNAPI, 0)
	if errno != 0 || was.BusyPollUsec != 77 || was.PreferBusyPoll != 1 {
		t.Errorf("%+v, %v", was, errno)
	}
	if err := named(t, "uring").Probe(); err != nil {
		t.Fatal(err)
	}
	plain := open(t, named(t, "uring"), backends.Config{})
	if was, errno := setNAPI(plain.ring.fd, uapi.UnregisterNAPI, 0); errno != 0 || was.BusyPollUsec != 0 {
		t.Errorf("by default: %+v, %v", was, errno)
	}
}

// Loops that wait with a request in flight count as blocked on I/O in
// /proc/stat, as many as there are; with noiowait they do not, although every
// one of them is in its call.
func TestNoIOWait(t *testing.T) {
	const loops = 12
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(loops + 4)) // a loop keeps its P while it waits
	for name, good := range map[string]func(int) bool{
		"uring":          func(n int) bool { return n >= loops },
		"uring+noiowait": func(n int) bool { return n < loops },
	} {
		t.Run(name, func(t *testing.T) {
			uninterrupted(t) // nor are threads started from this one
			b := named(t, name)
			var done sync.WaitGroup
			ports, threads, flags := make(chan Port, loops), make(chan int, loops), make(chan uint32, loops)
			for range loops {
				done.Go(func() {
					l := openWaiting(t, b)
					defer l.Close()
					calls := recordCalls(l)
					inbox := &backends.Op{}
					if err := l.SubmitRequest(inbox, Inbox()); err != nil {
						t.Error(err)
					}
					ports <- l.Port(inbox)
					threads <- unix.Gettid()
					if _, err := l.Wait(make([]backends.Completion, 1), 1, -1); err != nil {
						t.Error(err)
					}
					flags <- (*calls)[len(*calls)-1].flags
				})
			}
			var ids []int
			for range loops {
				ids = append(ids, <-threads)
			}
			n := 0
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
				before := entered(t, ids)
				if n = blocked(t); before && good(n) && entered(t, ids) {
					break
				}
				if time.Now().After(end) {
					t.Errorf("%d loops wait, and the kernel counts %d tasks blocked on I/O", loops, n)
					break
				}
			}
			wake := open(t, named(t, "uring"), backends.Config{})
			for range loops {
				must(t, wake, MsgRing(<-ports, 1))
				if f := <-flags; f&uapi.EnterNoIOWait != 0 != (name == "uring+noiowait") {
					t.Errorf("the wait had the flags %#x", f)
				}
			}
			done.Wait()
		})
	}
}

// openWaiting opens a small loop on this goroutine, whose thread the runtime must
// not interrupt, and which ends with it.
func openWaiting(t *testing.T, b *Backend) *Loop {
	runtime.LockOSThread()
	urgent := unix.Sigset_t{Val: [len(unix.Sigset_t{}.Val)]uint64{1 << (unix.SIGURG - 1)}}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &urgent, nil); err != nil {
		t.Error(err)
	}
	l, err := b.Open(backends.Config{Entries: 4, Bufs: 1})
	if err != nil {
		panic(err) // the test waits for the loop
	}
	return l.(*Loop)
}

// entered reports whether every one of these threads is in io_uring_enter.
func entered(t *testing.T, threads []int) bool {
	t.Helper()
	for _, id := range threads {
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", id))
		if err != nil {
			testenv.Need(t, "syscall", err)
		}
		if !strings.HasPrefix(string(b), fmt.Sprint(unix.SYS_IO_URING_ENTER, " ")) {
			return false
		}
	}
	return true
}

// blocked is the number of tasks of the machine that wait for I/O.
func blocked(t *testing.T) (n int) {
	t.Helper()
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "procs_blocked ")
	if !ok {
		t.Fatal("/proc/stat does not tell how many tasks are blocked")
	}
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}
