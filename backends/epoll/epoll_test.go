package epoll

import (
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/backendtest"
	"github.com/ringbench/ringbench/internal/uapi"
)

func TestConformance(t *testing.T) {
	for name, part := range map[string]func(*testing.T, backends.Backend){
		"epoll": backendtest.Run, "epoll+syscall": backendtest.RunBriefly, "epoll+readwrite": backendtest.RunStreams, "epoll+mmsg": backendtest.RunDatagrams,
	} {
		t.Run(name, func(t *testing.T) {
			b, err := backends.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Probe(); err != nil {
				t.Fatal(err)
			}
			part(t, b)
		})
	}
}

// faulty makes every third call fail as the kernel may, without having done
// anything, and cuts every fifth transfer short.
func faulty(k kernel) kernel {
	var calls atomic.Int64 // the suite runs two loops at once
	fails := func(e ...unix.Errno) unix.Errno {
		if n := int(calls.Add(1)); n%3 == 0 {
			return e[n/3%len(e)]
		}
		return 0
	}
	cut := func(b []byte) []byte {
		if calls.Load()%5 == 0 && len(b) > 4096 {
			return b[:1+len(b)/2]
		}
		return b
	}
	return kernel{
		mover: mover{
			splice: func(in int32, off int64, out int32, n, flags int) (int, unix.Errno) {
				if e := fails(unix.EINTR); e != 0 {
					return -1, e
				}
				return k.splice(in, off, out, n, flags)
			},
			sendfile: func(out, in int32, off int64, n int) (int, unix.Errno) {
				if e := fails(unix.EINTR, unix.EAGAIN); e != 0 {
					return -1, e
				}
				return k.sendfile(out, in, off, n)
			},
		},
		noFlag: k.noFlag, shutdown: k.shutdown, close: k.close,
		recv: func(fd int32, b []byte, flags int) (int, unix.Errno) {
			if e := fails(unix.EINTR); e != 0 {
				return -1, e
			}
			return k.recv(fd, b, flags)
		},
		send: func(fd int32, b []byte, flags int) (int, unix.Errno) {
			if e := fails(unix.EINTR, unix.EAGAIN); e != 0 {
				return -1, e
			}
			return k.send(fd, cut(b), flags)
		},
		recvFrom: func(fd int32, b []byte, flags int, from uapi.Name) (int, unix.Errno) {
			if e := fails(unix.EINTR); e != 0 {
				return -1, e
			}
			return k.recvFrom(fd, b, flags, from)
		},
		sendTo: func(fd int32, b []byte, flags int, to uapi.Name) (int, unix.Errno) {
			if e := fails(unix.EINTR, unix.EAGAIN); e != 0 {
				return -1, e
			}
			return k.sendTo(fd, b, flags, to)
		},
		recvMany: func(m *uapi.Messages, fd int32, n, flags int) (int, unix.Errno) {
			if e := fails(unix.EINTR); e != 0 {
				return -1, e
			}
			return k.recvMany(m, fd, 1+int(calls.Load())%n, flags)
		},
		sendMany: func(m *uapi.Messages, fd int32, i, n, flags int) (int, unix.Errno) {
			if e := fails(unix.EINTR, unix.EAGAIN); e != 0 {
				return -1, e
			}
			return k.sendMany(m, fd, i, 1+int(calls.Load())%n, flags)
		},
		accept: func(fd int32, flags int) (int, unix.Errno) {
			if e := fails(unix.EINTR); e != 0 {
				return -1, e
			}
			return k.accept(fd, flags)
		},
		wait: func(epfd int, ev []uapi.EpollEvent, ts *unix.Timespec) (int, unix.Errno) {
			if e := fails(unix.EINTR); e != 0 {
				return -1, e
			}
			return k.wait(epfd, ev[:1+int(calls.Load())%len(ev)], ts)
		},
	}
}

// interrupted makes every third call on a file fail as a signal makes it.
func interrupted(c fileCalls) fileCalls {
	var calls atomic.Int64
	late := func() bool { return calls.Add(1)%3 == 0 }
	again := func(f func(int32, []byte, int64) (int, unix.Errno)) func(int32, []byte, int64) (int, unix.Errno) {
		return func(fd int32, b []byte, off int64) (int, unix.Errno) {
			if late() {
				return -1, unix.EINTR
			}
			return f(fd, b, off)
		}
	}
	return fileCalls{
		pread: again(c.pread), pwrite: again(c.pwrite),
		fsync: func(fd int32, dataOnly bool) unix.Errno {
			if late() {
				return unix.EINTR
			}
			return c.fsync(fd, dataOnly)
		},
		sleep: func(word *atomic.Uint32, value uint32) unix.Errno {
			if late() {
				return unix.EINTR
			}
			return c.sleep(word, value)
		},
		wake: c.wake,
	}
}

func TestConformanceUnderFaults(t *testing.T) {
	b := newBackend(backends.Variant{Family: "epoll"})
	b.kernel = faulty(b.kernel)
	b.fileCalls = func(raw bool) fileCalls { return interrupted(filesBy(raw)) }
	backendtest.RunBriefly(t, b)
	b = newBackend(backends.Variant{Family: "epoll", Add: []string{"mmsg"}})
	b.kernel = faulty(b.kernel)
	t.Run("mmsg", func(t *testing.T) { backendtest.RunDatagrams(t, b) })
}

func TestSendfileCorks(t *testing.T) {
	b := newBackend(backends.Variant{Family: "epoll"})
	backendtest.Corked(t, b, &b.kernel.sendfile)
}

// Every call of a loop is entered as its variant says.
func TestEntry(t *testing.T) {
	for name, raw := range map[string]bool{"epoll": true, "epoll+readwrite": true, "epoll+syscall": false, "epoll+readwrite+syscall": false} {
		b, err := backends.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		var look func(reflect.Value)
		look = func(v reflect.Value) {
			for _, f := range v.Fields() {
				switch f.Kind() {
				case reflect.Struct:
					look(f)
				case reflect.Func:
					if call := runtime.FuncForPC(f.Pointer()).Name(); strings.HasSuffix(call, "Raw") != raw {
						t.Errorf("%s makes its calls by %s", name, call)
					}
				}
			}
		}
		look(reflect.ValueOf(b.(*backend).kernel))
	}
}

// What the kernel refuses for want of memory is the owner's to know.
func TestErrorsReachTheOwner(t *testing.T) {
	for _, want := range []unix.Errno{unix.ENOBUFS, unix.ENOMEM, unix.ECONNRESET} {
		b := newBackend(backends.Variant{Family: "epoll"})
		b.recv = func(int32, []byte, int) (int, unix.Errno) { return -1, want }
		b.send = func(int32, []byte, int) (int, unix.Errno) { return -1, want }
		b.shutdown = func(int32, int) unix.Errno { return want }
		b.close = func(int32) unix.Errno { return want }
		l, err := b.Open(backends.Config{})
		if err != nil {
			t.Fatal(err)
		}
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Write(pair[1], []byte("x"))
		buf := make([]byte, 8)
		recv := &backends.Op{Code: backends.Recv, FD: int32(pair[0]), Buf: buf}
		send := &backends.Op{Code: backends.Send, FD: int32(pair[0]), Buf: []byte("y")}
		l.Submit(recv)
		l.Submit(send)
		l.Submit(&backends.Op{Code: backends.Shutdown, FD: int32(pair[0]), Off: unix.SHUT_WR})
		dst := make([]backends.Completion, 4)
		for seen := 0; seen < 4; {
			if seen == 3 {
				l.Submit(&backends.Op{Code: backends.Close, FD: int32(pair[0])})
			}
			n, err := l.Wait(dst, 1, -1)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range dst[:n] {
				seen++
				if c.Res != backends.Fail(want) || c.More || c.Op.Lent() {
					t.Errorf("%v completed with %v, more %v; want %v", c.Op.Code, c.Res.Err(), c.More, want)
				}
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		unix.Close(pair[0])
		unix.Close(pair[1])
	}
}
