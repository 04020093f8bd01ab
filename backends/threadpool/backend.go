package threadpool

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

func init() {
	backends.Register(backends.Family{
		Name: "threadpool",
		Doc:  "blocking calls by a pool of threads, one connection a thread",
		Rank: 3,
		Features: map[string]backends.Feature{
			"sendfile": {Doc: backends.SendfileDoc, On: backends.Kinds(0, backends.Sendfile)},
			"splice":   {Doc: backends.SpliceDoc, On: backends.Kinds(0, backends.Splice)},
			"syscall":  {Doc: "enter the kernel through the Go scheduler for files, too", On: backends.Kinds(0, backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync)},
		},
		New: func(v backends.Variant) (backends.Backend, error) { return newBackend(v), nil },
		Capabilities: func() []backends.Capability {
			return []backends.Capability{
				{Name: "recvfrom, sendto", Doc: "blocking calls, one connection a thread", Since: "recvfrom and sendto, every Linux", Supported: true, Usable: true, Default: true},
				{Name: "pread64, pwrite64", Doc: "blocking calls on files, one at a time", Since: "pread64 and pwrite64, every Linux", Supported: true, Usable: true, Default: true},
				{Name: "ppoll", Doc: "a wait for several descriptors of one loop", Since: "ppoll, Linux 2.6.16", Supported: true, Usable: true, Default: true},
				{Name: "splice", Doc: backends.SpliceDoc, Since: backends.SpliceSince, Supported: true, Usable: true, Variant: "threadpool+splice"},
				{Name: "sendfile", Doc: backends.SendfileDoc, Since: backends.SendfileSince, Supported: true, Usable: true, Variant: "threadpool+sendfile"},
			}
		},
	})
}

// calls are the system calls that move data or wait. They are entered through
// the scheduler, since any of them may block, but for those on files, see seat;
// tests put faults in their place.
type calls struct {
	recv, send func(fd int32, b []byte, flags int) (int, unix.Errno)
	recvFrom   func(fd int32, b []byte, flags int, from uapi.Name) (int, unix.Errno)
	sendTo     func(fd int32, b []byte, flags int, to uapi.Name) (int, unix.Errno)
	accept     func(fd int32, flags int) (int, unix.Errno)
	connect    func(fd int32, addr *unix.RawSockaddrAny, size uint32) unix.Errno
	poll       func(fds []unix.PollFd, timeout *unix.Timespec) (int, unix.Errno)

	pread, pwrite func(fd int32, b []byte, off int64) (int, unix.Errno)
	fsync         func(fd int32, dataOnly bool) unix.Errno
	splice        func(in int32, off int64, out int32, n, flags int) (int, unix.Errno)
	sendfile      func(out, in int32, off int64, n int) (int, unix.Errno)
}

type backend struct {
	variant backends.Variant
	raw     bool // calls on files are entered raw where there is a P for each
	calls
}

func newBackend(v backends.Variant) *backend {
	return &backend{v, !v.Has("syscall", false), calls{uapi.Recv, uapi.Send, uapi.RecvFrom, uapi.SendTo, uapi.Accept, uapi.Connect, uapi.Poll, uapi.Pread, uapi.Pwrite, uapi.Fsync, uapi.Splice, uapi.Sendfile}}
}

func (b *backend) Name() string { return b.variant.String() }

// Probe is always nil: every kernel that Go runs on has these calls.
func (b *backend) Probe() error { return nil }

func (b *backend) Traits() backends.Traits {
	t := backends.Traits{Blocking: true, Splices: true, Sendfile: true, Features: slices.Clone(b.variant.Add)}
	if b.variant.Has("splice", false) {
		t.Splicing, t.Streams = true, []string{"splice"}
	}
	if b.variant.Has("sendfile", false) {
		t.Sendfiling, t.Streams = true, append(t.Streams, "sendfile")
	}
	return t
}

// Open costs a small allocation: the buffers that a loop chooses from are
// mapped when the first op asks for one, since thousands of workers may be
// open and most never do.
func (b *backend) Open(c backends.Config) (backends.Loop, error) {
	return &loop{calls: b.calls, raw: b.raw, config: c.WithDefaults()}, nil
}
