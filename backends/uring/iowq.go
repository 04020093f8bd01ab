package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// handed are the ops that async hands to workers: datagrams are received and sent
// without it, see streamOnly.
var handed = backends.Kinds(0, backends.Accept, backends.Connect, backends.Recv, backends.Send,
	backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync, backends.Splice)

// needWorkers are those that the kernel itself leaves to workers: always (fsync and
// splice, REQ_F_FORCE_ASYNC in io_uring/sync.c and io_uring/splice.c), or where
// the file system cannot write without waiting (ext4). Sockets, and reads of the
// page cache, it polls or tries.
var needWorkers = backends.Kinds(0, backends.WriteAt, backends.Fsync, backends.Fdatasync, backends.Splice)

// forceAsync hands a request of a socket or a file to a kernel worker at once,
// where the kernel would try it in place first.
func forceAsync(e *uapi.SQE, code backends.Code) {
	if usesFD(code) {
		e.Flags |= uapi.SQEAsync
	}
}

// tryAsync submits a connect whose address cannot be read: the kernel says so
// before it would wake a worker, and after it has judged the flags.
func tryAsync(r *ring) (bool, unix.Errno) {
	c, errno := trial(r, func(e *uapi.SQE) {
		e.Opcode, e.FD, e.Flags = uapi.OpConnect, -1, uapi.SQEAsync
		e.Addr, e.Off = 1, unix.SizeofSockaddrInet4
	})
	return c.Res == -int32(unix.EFAULT), errno
}

// limitWorkers bounds the calling thread's kernel workers: those for files and
// block devices, and those for all else. 0 leaves a bound as it is. It returns
// the bounds before.
func limitWorkers(fd int, most [2]uint32) (before [2]uint32, errno unix.Errno) {
	before = most
	_, errno = sysRegister(fd, uapi.RegisterIOWQMaxWorkers, unsafe.Pointer(&before), 2)
	return before, errno
}

func tryWorkers(r *ring) (bool, unix.Errno) {
	_, errno := limitWorkers(r.fd, [2]uint32{})
	return errno == 0, unless(errno, unix.EINVAL)
}

// boundWorkers applies the variant's limit. The workers belong to the thread,
// not to the ring, so close gives the thread its old bounds back.
func (l *Loop) boundWorkers(n uint32) (errno unix.Errno) {
	l.workers, errno = limitWorkers(l.ring.fd, [2]uint32{n, n})
	return errno
}

func (l *Loop) freeWorkers() {
	if l.workers != [2]uint32{} {
		_, _ = limitWorkers(l.ring.fd, l.workers)
	}
}

// A worker that is told to cancel the request it is just trying (-EALREADY) may
// find that the request has to wait, and leave it armed and not cancelled
// (io_wq_submit_work, io_uring/io_uring.c); and between two places a request is
// in neither (-ENOENT). So the loop asks again until the request has ended.

// escaped reports whether the target of Cancel s, which failed, may go on all
// the same.
func (l *Loop) escaped(s *slot) bool {
	_, t := l.find(s.target)
	return t != nil && t.state == flying
}

// cancelAgain repeats what cancelFD asked, now that the kernel has answered and
// requests are left. data is the user_data of its own request: the slot of the
// Close in place of a generation.
func (l *Loop) cancelAgain(data uint64) {
	i := uint32(data >> 32)
	if i == 0 || int(i) >= len(l.slots) || l.slots[i].state != closing {
		return
	}
	l.enqueue(i)
}
