package uring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// With poll a receive is asked for when a poll has fired, and does not wait.
func TestPollThenReceive(t *testing.T) {
	for name, polls := range map[string]int{"uring+poll": 1, "uring+poll-multishot": 21, "uring+poll-bufring": 1} {
		t.Run(name, func(t *testing.T) {
			l, p := openTapped(t, name, backends.Config{})
			here, far := socketpair(t)
			op := &backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here}
			l.Submit(op)
			for i := range 20 {
				quietly(t, l)
				if n := len(p.of(uapi.OpRecv)); n != i {
					t.Fatalf("%d receives before message %d", n, i)
				}
				say(t, far, "ping")
				c := await(t, l, 1)[0]
				if string(c.Buf) != "ping" || !c.More {
					t.Fatalf("%+v", c)
				}
				l.Recycle(c.Buf)
			}
			quietly(t, l)
			if n := len(p.of(uapi.OpPollAdd)); n != polls {
				t.Errorf("%d polls", n)
			}
			for _, e := range p.of(uapi.OpRecv) {
				if e.OpFlags&unix.MSG_DONTWAIT == 0 || e.Ioprio != 0 {
					t.Errorf("%+v", e)
				}
			}
			l.Submit(&backends.Op{Code: backends.Cancel, Target: op})
			for _, c := range await(t, l, 2) {
				if c.Op == op && !c.Res.Canceled() || c.Op != op && c.Res != 0 {
					t.Errorf("%v: %d", c.Op.Code, c.Res)
				}
			}
			if s := fdinfo(t, l); strings.Contains(section(s, "PollList:"), "op=") {
				t.Errorf("after the cancel the kernel still polls:\n%s", s)
			}
		})
	}
}

// fdinfo is what the kernel tells of a ring.
func fdinfo(t *testing.T, l *Loop) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/thread-self/fdinfo/%d", l.ring.fd))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// section is what follows a heading, until the next.
func section(info, heading string) string {
	_, rest, _ := strings.Cut(info, heading)
	var b strings.Builder
	for i, line := range strings.SplitAfter(rest, "\n") {
		if i > 0 && !strings.HasPrefix(line, " ") {
			break
		}
		b.WriteString(line)
	}
	return b.String()
}

// With pollfirst the kernel does not try a receive in vain before it polls.
func TestPollFirst(t *testing.T) {
	for name, first := range map[string]int{"uring": 0, "uring+pollfirst": 1} {
		t.Run(name, func(t *testing.T) {
			l, p := openTapped(t, name, backends.Config{})
			read := traceReceives(t)
			for i := range 3 {
				here, far := socketpair(t)
				l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: here})
				quietly(t, l)
				say(t, far, "ping")
				if c := await(t, l, 1)[0]; c.Res != 4 {
					t.Fatalf("message %d: %+v", i, c)
				}
			}
			for _, e := range p.of(uapi.OpRecv) {
				if int(e.Ioprio) != first*uapi.RecvSendPollFirst {
					t.Errorf("%+v", e)
				}
			}
			if n := strings.Count(read(), "sock_recv_length:"); n != 6-3*first {
				t.Errorf("the kernel tried %d times for 3 receives", n)
			}
		})
	}
}

// traceReceives records this thread's attempts to receive, successful or not,
// by the tracepoint sock_recv_length (Linux 6.3) in an instance of its own. It
// returns what reads the record.
func traceReceives(t *testing.T) (read func() string) {
	t.Helper()
	testenv.Need(t, "root", testenv.Root())
	dir := fmt.Sprintf("/sys/kernel/tracing/instances/ringbench-recv-%d", os.Getpid())
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Skipf("no tracing instance: %v", err)
	}
	const event = "events/sock/sock_recv_length/enable"
	put := func(file, what string) error {
		return os.WriteFile(filepath.Join(dir, file), []byte(what), 0)
	}
	t.Cleanup(func() {
		_ = put(event, "0")
		if err := unix.Rmdir(dir); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	})
	if err := errors.Join(put("set_event_pid", fmt.Sprint(unix.Gettid())), put(event, "1")); err != nil {
		t.Skipf("tracing: %v", err)
	}
	return func() string {
		b, err := os.ReadFile(filepath.Join(dir, "trace"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}
