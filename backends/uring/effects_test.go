package uring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// The kernel makes the ring with the flags that the variant is about, as it says
// itself.
func TestSetupFlags(t *testing.T) {
	const all = uapi.SetupSingleIssuer | uapi.SetupDeferTaskrun | uapi.SetupCoopTaskrun | uapi.SetupSQPoll
	wants := map[string]int64{
		"uring":              uapi.SetupSingleIssuer | uapi.SetupDeferTaskrun,
		"uring-defer":        uapi.SetupSingleIssuer | uapi.SetupCoopTaskrun,
		"uring+coop":         uapi.SetupSingleIssuer | uapi.SetupCoopTaskrun,
		"uring-coop-defer":   uapi.SetupSingleIssuer,
		"uring-single":       uapi.SetupCoopTaskrun,
		"uring-coop-single":  0,
		"uring+sqpoll":       uapi.SetupSingleIssuer | uapi.SetupSQPoll,
		"uring+coop-ringfd":  uapi.SetupSingleIssuer | uapi.SetupCoopTaskrun,
		"uring+defer+single": uapi.SetupSingleIssuer | uapi.SetupDeferTaskrun,
	}
	for name := range wants {
		named(t, name)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tr := traceRing(t, "io_uring_create")
	for name, want := range wants {
		open(t, named(t, name), backends.Config{Entries: 4, Bufs: 1})
		made := of(tr.events(), "io_uring_create", "")
		if len(made) == 0 || made[len(made)-1].number("flags")&all != want {
			t.Errorf("%s: %v, expected the flags %#x", name, made, want)
		}
	}
}

// With defer what happens to an armed receive waits until the loop asks for
// completions; without it, any system call of the thread is enough.
func TestDefer(t *testing.T) {
	for name, atOnce := range map[string]bool{"uring": false, "uring+defer": false, "uring-defer": true, "uring+coop": true, "uring-defer-coop": true} {
		l := open(t, named(t, name), backends.Config{})
		here, far := socketpair(t)
		l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: here})
		nothingYet(t, l)
		say(t, far, "ping") // on this thread
		if got := l.ring.ready() == 1; got != atOnce {
			t.Errorf("%s: there at once: %v", name, got)
		}
		if c := await(t, l, 1)[0]; c.Res != 4 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// Without coop an arrival interrupts the loop's thread, which computes on another
// CPU meanwhile, as the kernel tells of its interrupts between CPUs; with it, the
// thread finds the completion when it comes by the kernel the next time.
func TestCoop(t *testing.T) {
	const rounds = 50
	names := map[string]bool{"uring+coop": false, "uring-single": false, "uring-coop-defer": true, "uring-coop-single": true}
	for name := range names {
		named(t, name)
	}
	uninterrupted(t)
	here, there := twoCPUs(t)
	pin(t, here)
	tr := traceRing(t)
	_, err := os.Stat(filepath.Join(tr.dir, "events/ipi/ipi_send_cpu")) // since Linux 6.4
	testenv.Need(t, "ipi", err)
	tr.write("events/ipi/ipi_send_cpu/enable", "1")
	defer tr.write("events/ipi/ipi_send_cpu/enable", "0")
	far, done := make(chan int32), make(chan error)
	go func() {
		runtime.LockOSThread()
		err := setCPU(there)
		tr.write("set_event_pid", strconv.Itoa(unix.Gettid()))
		done <- err
		for fd := range far {
			_, err := unix.Write(int(fd), []byte("ping"))
			done <- err
		}
	}()
	defer close(far)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for name, interrupts := range names {
		l := open(t, named(t, name), backends.Config{})
		recv, other := socketpair(t)
		round := func() {
			l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: recv})
			nothingYet(t, l)
			far <- other
			for l.ring.ready() == 0 { // no call: the kernel has to come by itself
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			l.Recycle(await(t, l, 1)[0].Buf)
		}
		tr.write("trace", "")
		for range rounds {
			round()
		}
		seen := tr.kicks()
		for end := time.Now().Add(time.Minute); interrupts && seen == 0 && time.Now().Before(end); seen = tr.kicks() {
			round() // the thread may have been off its CPU each time
		}
		if seen > 0 != interrupts {
			t.Errorf("%s: %d interrupts", name, seen)
		}
	}
}

// kicks is how many interrupts for the sake of completions were recorded.
func (r *ringTrace) kicks() (n int) {
	b, err := os.ReadFile(filepath.Join(r.dir, "trace"))
	if err != nil {
		r.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "ipi_send_cpu:") && (strings.Contains(line, "callsite=task_work_add") || strings.Contains(line, "callsite=kick_process")) {
			n++
		}
	}
	return n
}

// twoCPUs are two that this process may use.
func twoCPUs(t *testing.T) (a, b int) {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	var list []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			list = append(list, cpu)
		}
	}
	if len(list) < 2 || runtime.GOMAXPROCS(0) < 2 {
		testenv.Need(t, "cpus", errors.New("this process may use one CPU only"))
	}
	return list[0], list[1]
}

// pin keeps this thread, to which the test is locked, on a CPU.
func pin(t *testing.T, cpu int) {
	t.Helper()
	var old unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		t.Fatal(err)
	}
	if err := setCPU(cpu); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.SchedSetaffinity(0, &old); err != nil {
			t.Error(err)
		}
	})
}

func setCPU(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	return unix.SchedSetaffinity(0, &set)
}

// With single the kernel answers no other thread.
func TestSingle(t *testing.T) {
	for name, want := range map[string]unix.Errno{"uring": unix.EEXIST, "uring+coop": unix.EEXIST, "uring-single": 0} {
		l := open(t, named(t, name), backends.Config{})
		answer := make(chan unix.Errno)
		go func() {
			runtime.LockOSThread() // ends the thread, which the loop's is not
			_, errno := limitWorkers(l.ring.fd, [2]uint32{})
			answer <- errno
		}()
		if got := <-answer; got != want {
			t.Errorf("%s: %v, expected %v", name, got, want)
		}
	}
}

// With ringfd every enter names the ring by its number with the thread.
func TestRingFD(t *testing.T) {
	for name, want := range map[string]bool{"uring": true, "uring-ringfd": false} {
		l := open(t, named(t, name), backends.Config{})
		calls := recordCalls(l)
		l.Submit(&backends.Op{Code: backends.Nop})
		await(t, l, 1)
		quietly(t, l)
		for _, c := range *calls {
			if c.flags&uapi.EnterRegisteredRing != 0 != want || (c.fd == l.ring.fd) == want {
				t.Errorf("%s: %+v, of ring %d", name, c, l.ring.fd)
			}
		}
	}
}

// With multishot one request brings every connection and every arrival; without,
// each takes one of its own. Which buffer a receive fills is the kernel's choice
// with bufring, and the loop's without.
func TestMultishotAndBufRing(t *testing.T) {
	const arrivals = 5
	for name, c := range map[string]struct{ multishot, chosen bool }{
		"uring":                   {true, true},
		"uring-multishot":         {false, true},
		"uring-bufring":           {true, false}, // of accept alone
		"uring-bufring-multishot": {false, false},
	} {
		t.Run(name, func(t *testing.T) {
			l, p := openTapped(t, name, backends.Config{Bufs: 8})
			ln, addr := listener(t)
			here, far := socketpair(t)
			accept := &backends.Op{Code: backends.Accept, Flags: backends.Multishot, FD: int32(ln)}
			l.Submit(accept)
			for range arrivals {
				connectTo(t, addr)
				got := await(t, l, 1)[0]
				if got.Op != accept || got.Res < 0 || !got.More {
					t.Fatalf("%+v", got)
				}
				closeAll([]int{int(got.Res)})
			}
			p.requests(t, uapi.OpAccept, arrivals, c.multishot)
			came := p.came
			if len(came) != arrivals {
				t.Errorf("%d completions for %d connections", len(came), arrivals)
			}
			recv := &backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here}
			l.Submit(recv)
			for i := range arrivals {
				msg := fmt.Sprint("message ", i)
				say(t, far, msg)
				got := await(t, l, 1)[0]
				if got.Op != recv || string(got.Buf) != msg || !got.More {
					t.Fatalf("%+v", got)
				}
				l.Recycle(got.Buf)
			}
			p.requests(t, uapi.OpRecv, arrivals, c.multishot && c.chosen)
			for _, e := range p.of(uapi.OpRecv) {
				if e.Flags&uapi.SQEBufferSelect != 0 != c.chosen || (e.Addr == 0) != c.chosen {
					t.Errorf("a receive: %+v", e)
				}
			}
			for _, e := range p.came[len(came):] {
				if e.Flags&uapi.CQEFBuffer != 0 != c.chosen {
					t.Errorf("a completion of a receive: %+v", e)
				}
			}
			if n := len(p.came) - len(came); n != arrivals {
				t.Errorf("%d completions for %d arrivals", n, arrivals)
			}
		})
	}
}

// requests holds how many with this opcode brought so many arrivals: one that
// stays armed, or one for each, and perhaps one for the next.
func (p *tap) requests(t *testing.T, opcode uint8, arrivals int, multishot bool) {
	t.Helper()
	list := p.of(opcode)
	if n := len(list); multishot && n != 1 || !multishot && n != arrivals && n != arrivals+1 {
		t.Errorf("%d of %s for %d arrivals", n, opcodes[opcode].name, arrivals)
	}
	for _, e := range list {
		if (e.Ioprio != 0) != multishot {
			t.Errorf("%s: %+v", opcodes[opcode].name, e)
		}
	}
}

// connectTo connects a socket, which the test's end closes.
func connectTo(t *testing.T, addr unix.Sockaddr) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll([]int{fd}) })
	if err := unix.Connect(fd, addr); err != nil {
		t.Fatal(err)
	}
}
