package uring

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// Polling for completions is refused with its reason, which is the kernel's own:
// a ring that polls takes no request of a socket.
func TestIOPoll(t *testing.T) {
	for _, name := range []string{"uring+iopoll", "uring+hybridiopoll"} {
		b := &Backend{variant: variant(t, name)}
		var u *backends.Unavailable
		if err := b.Probe(); !errors.As(err, &u) || !strings.Contains(err.Error(), "takes no sockets") {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	queue := filepath.Join(dir, "nvme0n1", "queue")
	if err := os.MkdirAll(queue, 0o755); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]bool{"0\n": false, "1\n": true} {
		if err := os.WriteFile(filepath.Join(queue, "io_poll"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if pollQueues(dir) != want {
			t.Errorf("io_poll %q", content)
		}
	}
}

// Where the kernel has them it makes such rings, and says so itself; none takes
// a request of a socket.
func TestIOPollRings(t *testing.T) {
	named(t, "uring")
	k, errno := thisKernel()
	if errno != 0 {
		t.Fatal(errno)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tr := traceRing(t, "io_uring_create")
	const both = uapi.SetupIOPoll | uapi.SetupHybridIOPoll
	for c, flags := range map[caps]uint32{ioPoll: uapi.SetupIOPoll, hybridPoll: both} {
		r, errno := newRing(2, 4, flags, 0, 0)
		if !k.have.has(c) {
			if errno != unix.EINVAL {
				t.Errorf("flags %#x: %v", flags, errno)
			}
			continue
		}
		if errno != 0 {
			t.Fatal(errno)
		}
		defer r.close()
		if made := tr.events(); len(made) != 1 || uint32(made[0].number("flags"))&both != flags {
			t.Errorf("flags %#x: %v", flags, made)
		}
		here, _ := socketpair(t)
		got, errno := trial(r, func(e *uapi.SQE) { e.Opcode, e.FD = uapi.OpRecv, here })
		if errno != 0 || got.Res >= 0 || got.Res == -int32(unix.ETIME) {
			t.Errorf("a receive on a ring that polls: %d, %v", got.Res, errno)
		}
	}
}
