package uring

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// eventually waits for what other threads do.
func eventually(ok func() bool) error {
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("not after a minute")
		}
	}
	return nil
}

// threads has the names of this process's threads.
func threads(t *testing.T) string {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	var names strings.Builder
	for _, task := range tasks {
		name, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/comm") // it may have ended
		names.Write(name)
	}
	return names.String()
}

var etime = backends.Fail(unix.ETIME)

func clock(t *testing.T, id int32) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

func TestTimeouts(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{})
		start := clock(t, unix.CLOCK_MONOTONIC)
		if res := do(t, l, Timeout(5*time.Millisecond, 0)); res != etime {
			t.Error(res)
		}
		if d := clock(t, unix.CLOCK_MONOTONIC) - start; d < 5*time.Millisecond {
			t.Errorf("it ended after %v", d)
		}
		for _, id := range []int32{unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME, unix.CLOCK_REALTIME} {
			at := clock(t, id) + 3*time.Millisecond
			if res := do(t, l, TimeoutAt(int(id), at)); res != etime {
				t.Errorf("clock %d: %v", id, res)
			}
			if now := clock(t, id); now < at {
				t.Errorf("clock %d: %v early", id, at-now)
			}
		}
		counted := begin(t, l, Timeout(time.Hour, 2))
		must(t, l, Nop(0))
		begin(t, l, Nop(0))
		for _, c := range await(t, l, 2) {
			if c.Op == counted && c.Res != 0 {
				t.Errorf("%+v", c)
			}
		}
	})
}

func TestTimeoutUpdateAndRemove(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{})
		contract := &backends.Op{Code: backends.Timeout, Off: int64(time.Hour)}
		l.Submit(contract)
		for _, op := range []*backends.Op{begin(t, l, Timeout(time.Hour, 0)), contract} {
			nothingYet(t, l)
			must(t, l, UpdateTimeout(op, time.Millisecond))
			if c := await(t, l, 1)[0]; c.Op != op || c.Res != etime {
				t.Errorf("%+v", c)
			}
			fails(t, l, UpdateTimeout(op, time.Hour), unix.ENOENT)
		}
		op := begin(t, l, Timeout(time.Hour, 0))
		remove := begin(t, l, RemoveTimeout(op))
		for _, c := range await(t, l, 2) {
			if c.Op == op && !c.Res.Canceled() || c.Op == remove && c.Res != 0 {
				t.Errorf("%+v", c)
			}
		}
	})
}

func TestTimeoutEvery(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	op := begin(t, l, TimeoutEvery(time.Millisecond, 3))
	for i := range 3 {
		c := await(t, l, 1)[0]
		if c.Res == backends.Fail(unix.EINVAL) && i == 0 {
			t.Skip("Linux before 6.4")
		}
		if c.Op != op || c.Res != etime || c.More != (i < 2) || op.Lent() != c.More {
			t.Errorf("completion %d: %+v", i, c)
		}
	}
	op = begin(t, l, TimeoutEvery(time.Millisecond, 0))
	await(t, l, 2)
	remove := begin(t, l, RemoveTimeout(op))
	for done, late := 0, 0; done < 2; {
		switch c := await(t, l, 1)[0]; {
		case c.Op == op && c.Res == etime && c.More:
		case c.Op == remove && (c.Res == backends.Fail(unix.ENOENT) || c.Res == backends.Fail(unix.EALREADY)) && late < 100:
			late++ // it has just gone off
			remove = begin(t, l, RemoveTimeout(op))
		case c.Op == op && c.Res.Canceled() && !c.More, c.Op == remove && c.Res == 0:
			done++
		default:
			t.Fatalf("%+v", c)
		}
	}
}

// A linked time limit ends a request that takes too long, and is ended by one
// that does not.
func TestLinkTimeout(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	here, far := socketpair(t)
	for _, late := range []bool{true, false} {
		limit := time.Hour
		if late {
			limit = time.Millisecond
		}
		poll, timer := &backends.Op{}, &backends.Op{}
		if err := l.SubmitChain([]*backends.Op{poll, timer}, []*Request{Poll(int(here), unix.POLLIN), LinkTimeout(limit)}); err != nil {
			t.Fatal(err)
		}
		if !late {
			nothingYet(t, l)
			if _, err := unix.Write(int(far), []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range await(t, l, 2) {
			switch {
			case c.Op == poll && (late && c.Res.Canceled() || !late && c.Res == unix.POLLIN):
			case c.Op == timer && (late && c.Res == etime || !late && c.Res.Canceled()):
			default:
				t.Errorf("late %v: %+v", late, c)
			}
		}
	}
}

func TestPolls(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{})
		here, far := socketpair(t)
		say := func() {
			t.Helper()
			if _, err := unix.Write(int(far), []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		once := begin(t, l, Poll(int(here), unix.POLLIN))
		multi := begin(t, l, PollMulti(int(here), unix.POLLIN))
		nothingYet(t, l)
		say()
		for _, c := range await(t, l, 2) {
			if c.Res != unix.POLLIN || c.More != (c.Op == multi) || c.Op != once && c.Op != multi {
				t.Errorf("%+v", c)
			}
		}
		for range 3 {
			nothingYet(t, l)
			say()
			if c := await(t, l, 1)[0]; c.Op != multi || c.Res != unix.POLLIN || !c.More {
				t.Errorf("%+v", c)
			}
		}
		remove := begin(t, l, RemovePoll(multi))
		for _, c := range await(t, l, 2) {
			if c.More || c.Op == multi && !c.Res.Canceled() || c.Op == remove && c.Res != 0 {
				t.Errorf("%+v", c)
			}
		}
		fails(t, l, RemovePoll(multi), unix.ENOENT)
	})
}

// A poll for input becomes one for output, which a socket is ready for.
func TestPollUpdate(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	here, _ := socketpair(t)
	op := begin(t, l, Poll(int(here), unix.POLLIN))
	nothingYet(t, l)
	update := begin(t, l, UpdatePoll(op, unix.POLLOUT))
	for _, c := range await(t, l, 2) {
		if c.Op == op && c.Res != unix.POLLOUT || c.Op == update && c.Res != 0 {
			t.Errorf("%+v", c)
		}
	}
}

func TestEpollRequests(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(t, epfd)
	here, far := socketpair(t)
	must(t, l, EpollCtl(epfd, unix.EPOLL_CTL_ADD, int(here), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: 77, Pad: 88}))
	fails(t, l, EpollCtl(epfd, unix.EPOLL_CTL_ADD, int(here), &unix.EpollEvent{}), unix.EEXIST)
	if _, err := unix.Write(int(far), []byte("x")); err != nil {
		t.Fatal(err)
	}
	events := make([]unix.EpollEvent, 4)
	if n, err := unix.EpollWait(epfd, events, 5000); n != 1 || err != nil || events[0].Fd != 77 || events[0].Pad != 88 {
		t.Fatalf("%d, %v, %+v", n, err, events[0])
	}
	if _, err := unix.Read(int(here), make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	clear(events)
	op := begin(t, l, EpollWait(epfd, events))
	nothingYet(t, l)
	if _, err := unix.Write(int(far), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if c := await(t, l, 1)[0]; c.Op != op || c.Res != 1 || events[0].Events != unix.EPOLLIN || events[0].Fd != 77 {
		t.Errorf("%+v, %+v", c, events[0])
	}
}

// The child is reaped: its status arrives, and nobody can wait for it again.
func TestWaitid(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	cmd := exec.Command("/bin/sh", "-c", "read x; exit 7")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	info := new(unix.Siginfo)
	op := begin(t, l, Waitid(unix.P_PID, pid, info, unix.WEXITED))
	nothingYet(t, l)
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if c := await(t, l, 1)[0]; c.Op != op || c.Res != 0 {
		t.Fatalf("%+v", c)
	}
	// si_pid, si_uid and si_status follow three words and, on 64 bits, padding.
	at := (12 + unsafe.Sizeof(uintptr(0)) - 1) &^ (unsafe.Sizeof(uintptr(0)) - 1)
	raw := unsafe.Slice((*byte)(unsafe.Pointer(info)), unsafe.Sizeof(*info))[at:]
	if got := int(binary.NativeEndian.Uint32(raw)); info.Signo != int32(unix.SIGCHLD) || got != pid || raw[8] != 7 {
		t.Errorf("signal %d of process %d, not %d, status %d", info.Signo, got, pid, raw[8])
	}
	if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("waiting again: %v", err)
	}
	_ = cmd.Process.Release()
}

// rawFutex is futex(2), private.
func rawFutex(word *uint32, op int, val uint32) (int, unix.Errno) {
	const private = 128
	limit := unix.Timespec{Sec: 5}
	n, _, e := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), uintptr(op|private), uintptr(val), uintptr(unsafe.Pointer(&limit)), 0, 0)
	return int(n), e
}

const (
	futexWait = 0
	futexWake = 1
)

// A thread that waits in futex(2) is woken by the ring.
func TestFutexWake(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	word := new(uint32)
	var tid atomic.Int32
	woken := make(chan unix.Errno)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		tid.Store(int32(unix.Gettid()))
		_, errno := rawFutex(word, futexWait, 0)
		woken <- errno
	}()
	n := 0
	if err := eventually(func() bool {
		n = must(t, l, FutexWake(Futex{Word: word}, 10))
		return n > 0
	}); err != nil || n != 1 {
		t.Fatalf("%d threads woken, %v", n, err)
	}
	if errno := <-woken; errno != 0 {
		t.Errorf("the thread was not woken: %v", errno)
	}
}

// Requests that wait for a word are woken by futex(2).
func TestFutexWait(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	words := new([3]uint32)
	words[1] = 5
	wake := func(i int) {
		t.Helper()
		if n, errno := rawFutex(&words[i], futexWake, 10); n != 1 || errno != 0 {
			t.Fatalf("%d waiters woken, %v", n, errno)
		}
	}
	op := begin(t, l, FutexWait(Futex{Word: &words[1], Value: 5}))
	nothingYet(t, l)
	wake(1)
	if c := await(t, l, 1)[0]; c.Op != op || c.Res != 0 {
		t.Errorf("%+v", c)
	}
	fails(t, l, FutexWait(Futex{Word: &words[1], Value: 6}), unix.EAGAIN)
	op = begin(t, l, FutexWaitv(Futex{Word: &words[0]}, Futex{Word: &words[1], Value: 5}, Futex{Word: &words[2]}))
	nothingYet(t, l)
	wake(2)
	if c := await(t, l, 1)[0]; c.Op != op || c.Res != 2 {
		t.Errorf("%+v", c)
	}
}

// A shared futex is the same word in two mappings of one file.
func TestSharedFutex(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	f := tempFile(t, strings.Repeat("\x00", backends.PageSize))
	var words [2]*uint32
	for i := range words {
		mem, err := unix.Mmap(int(f.Fd()), 0, backends.PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Munmap(mem) }()
		words[i] = (*uint32)(unsafe.Pointer(unsafe.SliceData(mem)))
	}
	wait := begin(t, l, FutexWait(Futex{Word: words[0], Shared: true}))
	nothingYet(t, l)
	if n := must(t, l, FutexWake(Futex{Word: words[1]}, 1)); n != 0 {
		t.Error("a private wake reached a shared waiter")
	}
	wake := begin(t, l, FutexWake(Futex{Word: words[1], Shared: true}, 1))
	for _, c := range await(t, l, 2) {
		if c.Op == wait && c.Res != 0 || c.Op == wake && c.Res != 1 {
			t.Errorf("%+v", c)
		}
	}
}
