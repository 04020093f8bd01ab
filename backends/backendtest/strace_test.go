package backendtest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

const movesChild = "RINGBENCH_TEST_MOVES_STRACE"

// moves is how many messages the child passes on, and how often it sends a file.
const moves = 20

// A proxy of epoll or of a thread makes two splices a message and a file server
// one sendfile, none of them in vain where data is there, and the counters say
// so. strace looks on from outside the process.
func TestMovesAgainstStrace(t *testing.T) {
	if name := os.Getenv(movesChild); name != "" {
		moveSome(t, name)
		return
	}
	testenv.Need(t, "strace", testenv.Program("strace"))
	for _, name := range []string{"epoll", "epoll+syscall", "threadpool"} {
		log := filepath.Join(t.TempDir(), "log")
		cmd := exec.Command("strace", "-f", "-qq", "-o", log, "-e", "trace=splice,sendfile", os.Args[0], "-test.run=^TestMovesAgainstStrace$", "-test.v")
		cmd.Env = append(os.Environ(), movesChild+"="+name)
		out, err := testenv.Strace(cmd)
		if err != nil {
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
		for _, m := range regexp.MustCompile(`(?m)(splice|sendfile)\(.* = (\d+)$`).FindAllSubmatch(text, -1) {
			made[string(m[1])+" of "+string(m[2])]++
		}
		if len(made) != 2 || made["splice of 77"] != 2*moves || made["sendfile of 33"] != moves {
			t.Errorf("%s moved %d messages and files by %v", name, moves, made)
		}
		if vain := regexp.MustCompile(`EAGAIN|EINVAL`).FindAll(text, -1); len(vain) > 0 {
			t.Errorf("%s made calls in vain:\n%s", name, text)
		}
		if want := fmt.Sprintf("splice %d again 0\n", 3*moves); !regexp.MustCompile(`(?m)^` + want).Match(out) {
			t.Errorf("%s: expected the counters to say %q, the loop printed\n%s", name, want, out)
		}
	}
}

// moveSome passes messages on from one socket to another, and sends a file.
func moveSome(t *testing.T, name string) {
	b, err := backends.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	l, err := b.Open(backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var in, out, pipe [2]int
	for _, p := range []*[2]int{&in, &out} {
		if *p, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	file.Write(make([]byte, 100))
	do := func(op *backends.Op, want int) {
		t.Helper()
		l.Submit(op)
		var done [1]backends.Completion
		if n, err := l.Wait(done[:], 1, -1); n != 1 || err != nil || int(done[0].Res) != want {
			t.Fatalf("%v: %d completions, %v, result %v", op.Code, n, err, done[0].Res)
		}
	}
	msg := make([]byte, 77)
	for range moves {
		unix.Write(in[1], msg)
		do(&backends.Op{Code: backends.Splice, FD: int32(pipe[1]), In: int32(in[0]), Off: backends.FromSocket, Len: 1 << 16}, 77)
		do(&backends.Op{Code: backends.Splice, FD: int32(out[0]), In: int32(pipe[0]), Off: backends.FromPipe, Len: 77}, 77)
		do(&backends.Op{Code: backends.Sendfile, FD: int32(out[0]), In: int32(file.Fd()), Off: 9, Len: 33}, 33)
		unix.Read(out[1], make([]byte, 200))
	}
	if err := l.Close(); err != nil { // publishes
		t.Fatal(err)
	}
	c := l.Counters()
	fmt.Printf("splice %d again %d\n", c[backends.SysSplice], c[backends.Again])
}
