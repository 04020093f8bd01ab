package uring

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// workers counts the kernel workers of the calling thread, which bear its number.
func workers(t *testing.T) (n int) {
	t.Helper()
	comms, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("iou-wrk-%d", unix.Gettid())
	for _, comm := range comms {
		if name, err := os.ReadFile(comm); err == nil && strings.TrimSpace(string(name)) == want {
			n++
		}
	}
	return n
}

// On a thread that had no ring before, the default leaves the kernel without
// workers, and async gets it some for every kind of socket request.
func TestAsyncWorkers(t *testing.T) {
	for _, name := range []string{"uring", "uring+async"} {
		b := named(t, name)
		freshThread(t, func() {
			l := open(t, b, backends.Config{})
			here, far := socketpair(t)
			l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here})
			for i := range 10 {
				if _, err := unix.Write(int(far), []byte{byte(i)}); err != nil {
					t.Error(err)
					return
				}
				c := await(t, l, 1)[0]
				if c.Res != 1 || c.Buf[0] != byte(i) || !c.More {
					t.Errorf("%s: %+v", name, c)
					return
				}
				l.Recycle(c.Buf)
			}
			if n := workers(t); n > 0 != (name == "uring+async") {
				t.Errorf("%s: %d workers", name, n)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// freshThread runs f on a thread that has no workers yet, which ends with it, as
// do its workers: the last of them never goes before.
func freshThread(t *testing.T, f func()) {
	t.Helper()
	for ran := false; !ran; {
		done := make(chan bool)
		go func() {
			defer close(done)
			runtime.LockOSThread() // and ends locked
			if ran = workers(t) == 0; ran {
				f()
			}
		}()
		<-done
	}
}

// Every request of a socket is handed to a worker, by the kernel's own account.
func TestAsyncTraced(t *testing.T) {
	for name, want := range map[string]int{"uring": 0, "uring+async": 8} {
		t.Run(name, func(t *testing.T) {
			l := open(t, named(t, name), backends.Config{})
			here, far := socketpair(t)
			queued := countEvents(t, "io_uring_queue_async_work")
			for range 4 {
				l.Submit(&backends.Op{Code: backends.Send, FD: here, Buf: []byte("ping")})
				await(t, l, 1)
				l.Submit(&backends.Op{Code: backends.Recv, FD: here, Buf: make([]byte, 4)})
				if _, err := unix.Write(int(far), []byte("pong")); err != nil {
					t.Fatal(err)
				}
				await(t, l, 1)
			}
			if n := queued(); n != want {
				t.Errorf("%d of 8 requests were handed to workers, expected %d", n, want)
			}
		})
	}
}

// countEvents counts what the calling thread does to a tracepoint of io_uring
// from now on, in a tracing instance of its own.
func countEvents(t *testing.T, event string) func() int {
	t.Helper()
	dir := fmt.Sprintf("/sys/kernel/tracing/instances/ringbench-%d-%s", os.Getpid(), event)
	if err := os.Mkdir(dir, 0o700); err != nil {
		testenv.Need(t, "root", err)
	}
	write := func(file, content string) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0); err != nil {
			t.Fatal(err)
		}
	}
	enable := "events/io_uring/" + event + "/enable"
	t.Cleanup(func() {
		write(enable, "0")
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	write("events/io_uring/"+event+"/filter", fmt.Sprintf("common_pid == %d", unix.Gettid()))
	write(enable, "1")
	return func() (n int) {
		log, err := os.ReadFile(filepath.Join(dir, "trace"))
		if err != nil {
			t.Fatal(err)
		}
		write(enable, "0")
		write("trace", "")
		for line := range strings.Lines(string(log)) {
			if strings.Contains(line, " "+event+":") {
				n++
			}
		}
		return n
	}
}

// An open of a FIFO blocks a worker until there is somebody to write. With a cap
// of two there are two workers at most, however many opens wait, and the cap is
// lifted when the loop closes.
func TestWorkerCap(t *testing.T) {
	for _, name := range []string{"uring+iowq=2", "uring"} {
		b := named(t, name)
		freshThread(t, func() { workerCap(t, b, name != "uring") })
	}
}

func workerCap(t *testing.T, b *Backend, capped bool) {
	const opens = 6
	r := open(t, named(t, "uring"), backends.Config{})
	defer r.Close()
	before, errno := limitWorkers(r.ring.fd, [2]uint32{})
	if errno != 0 {
		t.Fatal(errno)
	}
	lb, err := b.Open(backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := lb.(*Loop)
	release := blockWorkers(t, l, opens)
	reached, most := false, 0
	for end := time.Now().Add(60 * time.Second); !reached && time.Now().Before(end); time.Sleep(time.Millisecond) {
		most = max(most, workers(t))
		reached = most > 2 || most == 2 && capped
	}
	if !reached {
		t.Errorf("%s: no more than %d workers although %d requests block", b.Name(), most, opens)
	}
	for range 50 {
		time.Sleep(2 * time.Millisecond)
		most = max(most, workers(t))
	}
	if capped && most > 2 {
		t.Errorf("%s: %d workers", b.Name(), most)
	}
	release()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if after, errno := limitWorkers(r.ring.fd, [2]uint32{}); errno != 0 || after != before {
		t.Errorf("%s: the thread's bounds are %v, %v before (%v)", b.Name(), after, before, errno)
	}
}

// blockWorkers submits so many requests that block a worker each; release lets
// them end and reaps them.
func blockWorkers(t *testing.T, l *Loop, n int) (release func()) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	path := append([]byte(fifo), 0)
	for range n {
		e := l.ring.next()
		e.Opcode, e.Flags, e.FD = uapi.OpOpenat, uapi.SQEAsync, unix.AT_FDCWD
		e.Addr, e.OpFlags = uint64(uintptr(unsafe.Pointer(&path[0]))), unix.O_RDONLY|unix.O_CLOEXEC
	}
	if err := l.turn(0, -1); err != nil {
		t.Fatal(err)
	}
	return func() {
		writer := -1
		for end := time.Now().Add(60 * time.Second); writer < 0; {
			var err error
			if writer, err = unix.Open(fifo, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil && time.Now().After(end) {
				t.Fatal(err)
			}
		}
		defer unix.Close(writer)
		for end := time.Now().Add(60 * time.Second); n > 0; {
			if err := l.turn(1, 100*time.Millisecond); err != nil || time.Now().After(end) {
				t.Fatalf("%d opens have not ended: %v", n, err)
			}
			for ; l.ring.ready() > 0; n-- {
				c := l.ring.cqes[l.ring.head&l.ring.cqMask]
				l.ring.head++
				l.ring.cqHead.Store(l.ring.head)
				if c.Res < 0 {
					t.Errorf("open: %v", unix.Errno(-c.Res))
					continue
				}
				_ = unix.Close(int(c.Res))
			}
		}
		runtime.KeepAlive(path)
	}
}
