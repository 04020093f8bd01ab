package epoll

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

const straceChild = "RINGBENCH_TEST_EPOLL_STRACE"

// Which calls move the messages is seen by strace, from outside the process.
func TestCallsAgainstStrace(t *testing.T) {
	if name := os.Getenv(straceChild); name != "" {
		echoSome(t, name)
		return
	}
	testenv.Need(t, "strace", testenv.Program("strace"))
	for name, calls := range map[string][2]string{
		"epoll": {"recvfrom", "sendto"}, "epoll+syscall": {"recvfrom", "sendto"},
		"epoll+readwrite": {"read", "write"}, "epoll+readwrite+syscall": {"read", "write"},
	} {
		log := filepath.Join(t.TempDir(), "log")
		cmd := exec.Command("strace", "-f", "-qq", "-o", log, "-e", "trace=read,write,recvfrom,sendto", os.Args[0], "-test.run=^TestCallsAgainstStrace$")
		cmd.Env = append(os.Environ(), straceChild+"="+name)
		if out, err := testenv.Strace(cmd); err != nil {
			if testenv.Root() != nil {
				testenv.Need(t, "root", fmt.Errorf("strace: %w", err)) // ptrace may be forbidden
			}
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]int{}
		for _, m := range regexp.MustCompile(fmt.Sprintf(`(?m)(\w+)\(%d, .* = %d$`, echoFD, echoSize)).FindAllSubmatch(text, -1) {
			made[string(m[1])]++
		}
		if len(made) != 2 || made[calls[0]] != echoes || made[calls[1]] != echoes {
			t.Errorf("%s moved %d messages by %v, expected %v", name, echoes, made, calls)
		}
	}
}

// A descriptor and a size by which the server's calls are known in the trace.
const echoFD, echoSize, echoes = 900, 77, 20

// echoSome sends messages back through a loop, on a socket that blocks.
func echoSome(t *testing.T, name string) {
	b, err := backends.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup3(pair[0], echoFD, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	l, err := b.Open(backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	do := func(op *backends.Op) backends.Completion {
		t.Helper()
		l.Submit(op)
		var done [1]backends.Completion
		if n, err := l.Wait(done[:], 1, 10*time.Second); n != 1 || err != nil || done[0].Res != echoSize {
			t.Fatalf("%d completions, %v, result %v", n, err, done[0].Res)
		}
		return done[0]
	}
	msg := make([]byte, echoSize)
	for range echoes {
		if _, err := unix.Write(pair[1], msg); err != nil {
			t.Fatal(err)
		}
		c := do(&backends.Op{Code: backends.Recv, FD: echoFD, Flags: backends.SelectBuf})
		do(&backends.Op{Code: backends.Send, FD: echoFD, Buf: c.Buf})
		l.Recycle(c.Buf)
		if n, err := unix.Read(pair[1], msg); n != echoSize || err != nil {
			t.Fatal(n, err)
		}
	}
}
