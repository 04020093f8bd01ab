package uring

import (
	"errors"
	"os"
	"path/filepath"
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
	if ok, errno := makes(uapi.SetupIOPoll)(nil); !ok {
		t.Skip("this kernel makes no such ring: ", errno)
	}
	r, errno := newRing(2, 4, uapi.SetupIOPoll, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer r.close()
	here, _ := socketpair(t)
	c, errno := trial(r, func(e *uapi.SQE) { e.Opcode, e.FD = uapi.OpRecv, here })
	if errno != 0 || c.Res >= 0 || c.Res == -int32(unix.ETIME) {
		t.Errorf("a receive on a ring that polls: %d, %v", c.Res, errno)
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
