package uring

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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
		out, err := cmd.CombinedOutput()
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
