package epoll

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/backendtest"
	"github.com/ringbench/ringbench/internal/uapi"
)

func TestConformance(t *testing.T) {
	for _, name := range []string{"epoll", "epoll+syscall"} {
		t.Run(name, func(t *testing.T) {
			b, err := backends.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Probe(); err != nil {
				t.Fatal(err)
			}
			backendtest.Run(t, b)
		})
	}
}

// faulty makes every third call fail as the kernel may, without having done
// anything, and cuts every fifth transfer short.
func faulty(k kernel) kernel {
	var calls int
	fails := func(e ...unix.Errno) unix.Errno {
		calls++
		if calls%3 == 0 {
			return e[calls/3%len(e)]
		}
		return 0
	}
	cut := func(b []byte) []byte {
		if calls%5 == 0 && len(b) > 1 {
			return b[:1+len(b)/2]
		}
		return b
	}
	return kernel{
		recv: func(fd int32, b []byte, flags int) (int, unix.Errno) {
			if e := fails(unix.EINTR); e != 0 {
				return -1, e
			}
			return k.recv(fd, b, flags)
		},
		send: func(fd int32, b []byte, flags int) (int, unix.Errno) {
			if e := fails(unix.EINTR); e != 0 {
				return -1, e
			}
			return k.send(fd, cut(b), flags)
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
			return k.wait(epfd, ev[:1+calls%len(ev)], ts)
		},
	}
}

func TestConformanceUnderFaults(t *testing.T) {
	b := newBackend(backends.Variant{Family: "epoll"})
	b.kernel = faulty(b.kernel)
	backendtest.Run(t, b)
}
