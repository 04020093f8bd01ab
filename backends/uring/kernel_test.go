package uring

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// With no descriptor to be had the error says so, and the next Open works.
func TestNoDescriptors(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		var old unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Fatal(err)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: old.Max}); err != nil {
			t.Fatal(err)
		}
		err := openError(b)
		if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); e != nil {
			t.Fatal(e)
		}
		var u *backends.Unavailable
		if !errors.As(err, &u) || !errors.Is(err, unix.EMFILE) || !strings.Contains(err.Error(), "ulimit -n") {
			t.Errorf("%v", err)
		}
		if err := openError(b); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// A thread registers sixteen rings at most; one more is refused in words, and
// without registration it works.
func TestTooManyRings(t *testing.T) {
	b := &Backend{variant: backends.Variant{Family: "uring"}}
	testenv.Need(t, "uring", b.Probe())
	if !b.mustUse(t).has(ringFD) {
		t.Skip("this kernel registers no rings")
	}
	for range 16 {
		open(t, b, backends.Config{Entries: 4, Bufs: 1})
	}
	if err := openError(b); !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "uring-ringfd") {
		t.Errorf("%v", err)
	}
	if err := openError(&Backend{variant: variant(t, "uring-ringfd")}); err != nil {
		t.Error(err)
	}
}

func (b *Backend) mustUse(t *testing.T) caps {
	t.Helper()
	use, _, err := b.resolve()
	if err != nil {
		t.Fatal(err)
	}
	return use
}

// A polling thread goes to the CPU it is told, or the error names the CPU.
func TestPollerCPU(t *testing.T) {
	b := &Backend{variant: variant(t, "uring+sqpoll")}
	testenv.Need(t, "uring", b.Probe())
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !set.IsSet(cpu) {
		cpu++
	}
	l, err := b.Open(backends.Config{CPU: cpu + 1})
	if err != nil {
		t.Fatal(err)
	}
	// A thread sets its name and its CPU when it starts, and ends some time
	// after its ring: those of earlier tests may still be there.
	want, list := []string{fmt.Sprint(cpu)}, pollerCPUs(t)
	for end := time.Now().Add(60 * time.Second); !slices.Equal(list, want) && time.Now().Before(end); list = pollerCPUs(t) {
		time.Sleep(time.Millisecond)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(list, want) {
		t.Errorf("polling threads on CPUs %v, expected %s", list, want)
	}
	if _, err := b.Open(backends.Config{CPU: 100000}); err == nil || !strings.Contains(err.Error(), "CPU 99999") {
		t.Errorf("%v", err)
	}
}

// pollerCPUs lists the CPUs that this process's iou-sqp threads may use.
func pollerCPUs(t *testing.T) (cpus []string) {
	t.Helper()
	comms, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	for _, comm := range comms {
		name, err := os.ReadFile(comm)
		if err != nil || !strings.HasPrefix(string(name), "iou-sqp-") {
			continue // gone, or another thread
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(comm), "status"))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(status), "Cpus_allowed_list:")
		list, _, _ := strings.Cut(rest, "\n")
		cpus = append(cpus, strings.TrimSpace(list))
	}
	return cpus
}

// mark is a system call that nothing else in the test makes: strace shows it
// between what belongs to the loop and what does not.
func mark() {
	_, _, _ = unix.Syscall(unix.SYS_GETPRIORITY, unix.PRIO_PROCESS, 0, 0)
}

const straceChild = "RINGBENCH_TEST_URING_STRACE"

// TestStraceChild is not a test of its own: TestCountersAgainstStrace runs it.
func TestStraceChild(t *testing.T) {
	tier := os.Getenv(straceChild)
	if tier == "" {
		t.Skip("runs under strace, started by TestCountersAgainstStrace")
	}
	b := &Backend{variant: backends.Variant{Family: "uring"}, mask: tiers[tier]}
	l := open(t, b, backends.Config{})
	here, far := socketpair(t)
	l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here})
	send := &backends.Op{Code: backends.Send, FD: here}
	dst := make([]backends.Completion, 1)
	mark()
	before := l.tally.Counters
	for range 500 {
		if _, err := unix.Write(int(far), []byte("ping")); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Wait(dst, 1, -1); err != nil {
			t.Fatal(err)
		}
		buf := dst[0].Buf
		send.Buf = buf
		l.Submit(send)
		if _, err := l.Wait(dst, 1, -1); err != nil {
			t.Fatal(err)
		}
		l.Recycle(buf)
		if _, err := unix.Read(int(far), make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
	}
	c := l.tally.Counters.Sub(before)
	mark()
	// One enter to receive and one to send, or fewer. An interrupt costs another.
	if n := c[backends.SysWait]; n > 1000+c[backends.Interrupts] {
		t.Errorf("%d enters for 500 echoes", n)
	}
	fmt.Printf("counted %d enters\n", c.Syscalls())
}

// The loop's count of its system calls is strace's, exactly, in every tier.
func TestCountersAgainstStrace(t *testing.T) {
	testenv.Need(t, "strace", testenv.Program("strace"))
	eachTier(t, func(t *testing.T, b *Backend) {
		trace := filepath.Join(t.TempDir(), "trace")
		cmd := exec.Command("strace", "-f", "-e", "trace=getpriority,io_uring_enter,io_uring_register,shutdown,close", "-e", "signal=none", "-o", trace,
			os.Args[0], "-test.run=^TestStraceChild$", "-test.v")
		cmd.Env = append(os.Environ(), straceChild+"="+b.Traits().Tier)
		out, err := testenv.Strace(cmd)
		if strings.Contains(string(out), "PTRACE") {
			testenv.Need(t, "strace", errors.New(string(out)))
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		log, err := os.ReadFile(trace)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(log), "getpriority(")
		if len(parts) != 3 {
			t.Fatalf("%d marks in the trace", len(parts)-1)
		}
		calls := 0
		for line := range strings.Lines(parts[1]) {
			if strings.Contains(line, "(") && !strings.Contains(line, "resumed>") {
				calls++
			}
		}
		if want := fmt.Sprintf("counted %d enters", calls); !strings.Contains(string(out), want) {
			t.Errorf("strace saw %d calls:\n%s", calls, out)
		}
	})
}

// Loops one after the other are no burden, although the kernel frees a closed
// ring, and what it charged for it, some time later.
func TestOpenAndCloseManyTimes(t *testing.T) {
	b := &Backend{variant: backends.Variant{Family: "uring"}}
	testenv.Need(t, "uring", b.Probe())
	for i := range 300 {
		if err := openError(b); err != nil {
			t.Fatalf("loop %d: %v", i, err)
		}
	}
}
