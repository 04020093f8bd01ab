package epoll

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/backendtest"
	"github.com/ringbench/ringbench/internal/testenv"
)

// With a P for each thread the pool enters the kernel raw. Collections of garbage
// must come through to threads that sleep so.
func TestFilesRaw(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(16))
	b := newBackend(backends.Variant{Family: "epoll"})
	backendtest.RunFiles(t, b)
	l := openLoop(t, b, backends.Config{Threads: 3})
	readAll(t, l, tempFile(t), 8)
	if !l.files.raw {
		t.Fatal("sixteen Ps are not enough for three threads and a loop")
	}
	for range 3 {
		runtime.GC()
	}
	readAll(t, l, tempFile(t), 8)
	few := openLoop(t, b, backends.Config{Threads: 15})
	readAll(t, few, tempFile(t), 1)
	if few.files.raw {
		t.Error("fifteen more threads enter raw on sixteen Ps")
	}
	if n := few.Tally.Counters[backends.Scheduled]; n == 0 {
		t.Error("that they do not is not counted")
	}
	through := openLoop(t, newBackend(backends.Variant{Family: "epoll", Add: []string{"syscall"}}), backends.Config{Threads: 1})
	readAll(t, through, tempFile(t), 1)
	if through.files.raw {
		t.Error("epoll+syscall enters raw")
	}
	if n := l.Tally.Counters[backends.Scheduled] + through.Tally.Counters[backends.Scheduled]; n != 0 {
		t.Errorf("%d ops are counted for want of a P that had what they asked for", n)
	}
}

func openLoop(t *testing.T, b *backend, cfg backends.Config) *Loop {
	t.Helper()
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

// tempFile is a file of a page.
func tempFile(t *testing.T) int32 {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(make([]byte, backends.PageSize)); err != nil {
		t.Fatal(err)
	}
	return int32(f.Fd())
}

// readAll reads a page n times, all at once.
func readAll(t *testing.T, l *Loop, fd int32, n int) {
	t.Helper()
	for range n {
		l.Submit(&backends.Op{Code: backends.ReadAt, FD: fd, Buf: make([]byte, backends.PageSize)})
	}
	for _, c := range await(t, l, n) {
		if c.Res != backends.PageSize {
			t.Fatalf("%+v", c)
		}
	}
}

// handOver gives the pool what was submitted; nothing may have finished.
func handOver(t *testing.T, l *Loop) {
	t.Helper()
	if n, err := l.Wait(make([]backends.Completion, 1), 0, 0); n != 0 || err != nil {
		t.Fatalf("%d completions, %v", n, err)
	}
}

func await(t *testing.T, l *Loop, n int) (all []backends.Completion) {
	t.Helper()
	dst := make([]backends.Completion, n)
	for end := time.Now().Add(time.Minute); len(all) < n; {
		k, err := l.Wait(dst[:n-len(all)], n-len(all), time.Second)
		if err != nil || time.Now().After(end) {
			t.Fatalf("%d of %d completions, %v", len(all), n, err)
		}
		all = append(all, dst[:k]...)
	}
	return all
}

// A burst of ops is one hand-over, the pool has no more threads than it may nor
// than it needs, and they all work at the same time.
func TestPoolThreads(t *testing.T) {
	const threads, ops = 3, 10
	b := newBackend(backends.Variant{Family: "epoll"})
	var inside, most atomic.Int32
	full, leave := make(chan bool), make(chan bool)
	b.fileCalls = func(raw bool) fileCalls {
		c := filesBy(raw)
		c.pread = func(int32, []byte, int64) (int, unix.Errno) {
			if n := inside.Add(1); n == threads {
				full <- true
			} else if n > most.Load() {
				most.Store(n)
			}
			<-leave
			inside.Add(-1)
			return 1, 0
		}
		return c
	}
	l := openLoop(t, b, backends.Config{Threads: threads})
	fd := tempFile(t)
	var all []*backends.Op
	for range ops {
		op := &backends.Op{Code: backends.ReadAt, FD: fd, Buf: make([]byte, 1)}
		all = append(all, op)
		l.Submit(op)
	}
	if l.files.started != 0 {
		t.Error("threads were started before the hand-over")
	}
	handOver(t, l)
	if l.files.started != threads {
		t.Errorf("%d threads for %d ops", l.files.started, ops)
	}
	<-full
	cancelled := ops - 1
	for i, want := range map[int]backends.Result{0: backends.Fail(unix.EALREADY), cancelled: 0} {
		cancel := &backends.Op{Code: backends.Cancel, Target: all[i]}
		l.Submit(cancel)
		for n := 0; ; n++ {
			c := await(t, l, 1)[0]
			if c.Op == cancel {
				if c.Res != want || n != i/cancelled {
					t.Errorf("cancel of op %d: %v, after %d completions", i, c.Res.Err(), n)
				}
				break
			}
			if c.Op != all[cancelled] || !c.Res.Canceled() {
				t.Errorf("%+v", c)
			}
		}
	}
	shut := &backends.Op{Code: backends.Close, FD: fd}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	shut.FD = int32(dup)
	l.Submit(shut) // of another descriptor: it does not wait
	if c := await(t, l, 1)[0]; c.Op != shut || c.Res != 0 {
		t.Errorf("%+v", c)
	}
	close(leave)
	go func() {
		for range full {
		}
	}()
	for _, c := range await(t, l, ops-1) {
		if c.Res != 1 {
			t.Errorf("%+v", c)
		}
	}
	close(full)
	if most.Load() > threads {
		t.Errorf("%d threads at once", most.Load())
	}
	if n := l.Tally.Counters[backends.SysThreads]; n != 0 {
		t.Errorf("%d calls to wake threads that never slept", n)
	}
}

// A Close waits for what a thread does on its descriptor, and only for that.
func TestCloseWaitsForThread(t *testing.T) {
	b := newBackend(backends.Variant{Family: "epoll"})
	in, leave := make(chan bool), make(chan bool)
	b.fileCalls = func(raw bool) fileCalls {
		c := filesBy(raw)
		c.fsync = func(fd int32, dataOnly bool) unix.Errno {
			in <- dataOnly
			<-leave
			return 0
		}
		return c
	}
	l := openLoop(t, b, backends.Config{Threads: 1})
	dup, err := unix.FcntlInt(uintptr(tempFile(t)), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int32(dup)
	first, second := &backends.Op{Code: backends.Fdatasync, FD: fd}, &backends.Op{Code: backends.Fsync, FD: fd}
	shut := &backends.Op{Code: backends.Close, FD: fd}
	l.Submit(first)
	l.Submit(second)
	handOver(t, l)
	if !<-in {
		t.Error("the first op to run is not the first that was submitted")
	}
	l.Submit(shut)
	cancel := &backends.Op{Code: backends.Cancel, Target: shut}
	l.Submit(cancel)
	for _, c := range await(t, l, 2) {
		switch {
		case c.Op == second && c.Res.Canceled(), c.Op == cancel && c.Res == backends.Fail(unix.EALREADY):
		default:
			t.Errorf("%+v", c)
		}
	}
	if n, _ := l.Wait(make([]backends.Completion, 1), 1, time.Millisecond); n != 0 {
		t.Error("the Close did not wait")
	}
	close(leave)
	if c := await(t, l, 1)[0]; c.Op != first || c.Res != 0 {
		t.Errorf("%+v", c)
	}
	if c := await(t, l, 1)[0]; c.Op != shut || c.Res != 0 {
		t.Errorf("%+v", c)
	}
}

// Threads of the pool would take the descriptors of a table of the loop's own
// for others.
func TestFilesWithOwnDescriptors(t *testing.T) {
	fd := tempFile(t)
	done := make(chan error)
	go func() {
		done <- func() error {
			if err := backends.OwnDescriptors(); err != nil {
				return err
			}
			l, err := newBackend(backends.Variant{Family: "epoll"}).Open(backends.Config{})
			if err != nil {
				return err
			}
			defer l.Close()
			l.Submit(&backends.Op{Code: backends.ReadAt, FD: fd, Buf: make([]byte, 1)})
			dst := make([]backends.Completion, 1)
			if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil || dst[0].Res != backends.Fail(unix.EBADF) {
				return fmt.Errorf("%d completions, %v: %+v", n, err, dst[0])
			}
			return nil
		}()
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

const filesChild = "RINGBENCH_TEST_EPOLL_FILES"

// What the loop and its threads call is seen by strace, and the counters say the
// same, to the last call.
func TestFileCallsAgainstStrace(t *testing.T) {
	if os.Getenv(filesChild) != "" {
		readSome(t)
		return
	}
	testenv.Need(t, "strace", testenv.Program("strace"))
	log := filepath.Join(t.TempDir(), "log")
	cmd := exec.Command("strace", "-f", "-qq", "-o", log, "-e", "trace=pread64,pwrite64,fsync,fdatasync,futex,write,epoll_pwait2",
		os.Args[0], "-test.run=^TestFileCallsAgainstStrace$", "-test.v")
	cmd.Env = append(os.Environ(), filesChild+"=1")
	out, err := testenv.Strace(cmd)
	if err != nil {
		if testenv.Root() != nil {
			testenv.Need(t, "root", fmt.Errorf("strace: %w", err)) // ptrace may be forbidden
		}
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var n backends.Counters
	var word, eventfd, epfd string
	report := string(out[strings.Index(string(out), "word "):])
	if _, err := fmt.Sscanf(report, "word %s eventfd %s epfd %s recv %d send %d other %d threads %d wait %d", &word, &eventfd, &epfd,
		&n[backends.SysRecv], &n[backends.SysSend], &n[backends.SysOther], &n[backends.SysThreads], &n[backends.SysWait]); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	count := func(patterns ...string) (n uint64) {
		for _, p := range patterns {
			n += uint64(len(regexp.MustCompile(p).FindAll(text, -1)))
		}
		return n
	}
	for _, x := range []struct {
		what      string
		own, seen uint64
	}{
		{"pread64", n[backends.SysRecv], count(`pread64\(900,`)},
		{"pwrite64", n[backends.SysSend], count(`pwrite64\(900,`)},
		{"fsync and fdatasync", n[backends.SysOther], count(`fsync\(900`, `fdatasync\(900`)},
		{"futex and write to the eventfd", n[backends.SysThreads], count(`futex\(`+word+`, FUTEX_WA`, `write\(`+eventfd+`, "\\1\\0`)},
		{"epoll_pwait2", n[backends.SysWait], count(`epoll_pwait2\(` + epfd + `,`)},
	} {
		if x.own != x.seen || x.seen == 0 {
			t.Errorf("strace saw %d calls of %s, the loop counted %d", x.seen, x.what, x.own)
		}
	}
}

// readSome is the child of the test above. What opening and closing the loop
// costs besides is not of files.
func readSome(t *testing.T) {
	l, err := newBackend(backends.Variant{Family: "epoll"}).Open(backends.Config{Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	loop := l.(*Loop)
	if err := unix.Dup3(int(tempFile(t)), 900, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		readAll(t, loop, 900, 5)
		for _, op := range []*backends.Op{
			{Code: backends.WriteAt, FD: 900, Buf: make([]byte, 10)}, {Code: backends.Fsync, FD: 900}, {Code: backends.Fdatasync, FD: 900},
		} {
			l.Submit(op)
			await(t, loop, 1)
		}
	}
	p := loop.files.pool
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	n := l.Counters()
	const others = 3 // eventfd2, epoll_ctl to add it, close
	fmt.Printf("word %p eventfd %d epfd %d recv %d send %d other %d threads %d wait %d\n", &p.turn, p.eventfd, loop.epfd,
		n[backends.SysRecv], n[backends.SysSend], n[backends.SysOther]-others, n[backends.SysThreads], n[backends.SysWait])
}

// A thread that falls asleep just after it was called in vain is called again for
// what was handed over meanwhile, as that hand-over relied on the first call.
func TestPoolCallsAgain(t *testing.T) {
	p := &pool{line: make([]atomic.Uint32, 4)}
	calls := 0
	p.calls.wake = func(*atomic.Uint32, int) int {
		if calls++; calls > 1 {
			return 1
		}
		if n := p.handOver(1); n != 0 {
			t.Errorf("%d calls beside the one under way", n)
		}
		return 0
	}
	p.idle.Store(1)
	p.tail.Store(1)
	if n := p.call(); n != 2 || calls != 2 {
		t.Errorf("%d calls counted, %d made", n, calls)
	}
	if p.idle.Load() != 0 || !p.coming.Load() {
		t.Errorf("%d idle, coming: %v", p.idle.Load(), p.coming.Load())
	}
}
