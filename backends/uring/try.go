package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// How what the kernel offers is tried, where QUERY and PROBE do not tell.

func trySetup(r *ring, o offer) (bool, unix.Errno) { return makes(uint32(o.bit) | o.with)(r) }

func tryFeature(r *ring, o offer) (bool, unix.Errno) { return uint64(r.features)&o.bit != 0, 0 }

func tryEnter(r *ring, o offer) (bool, unix.Errno) {
	_, errno := uapi.Enter(r.fd, 0, 0, uapi.EnterGetEvents|uint32(o.bit), nil, 0)
	return errno == 0, unless(errno, unix.EINVAL)
}

func tryEntry(r *ring, o offer) (bool, unix.Errno) {
	c, errno := trial(r, func(e *uapi.SQE) { e.Opcode, e.Flags = uapi.OpNop, uint8(o.bit) })
	return c.Res != -int32(unix.EINVAL), errno // NOP chooses no buffer: -EOPNOTSUPP
}

// tryAttach makes a ring that shares the workers of another.
func tryAttach(r *ring) (bool, unix.Errno) {
	fd, errno := sysSetup(1, &uapi.Params{Flags: uapi.SetupAttachWQ, WQFD: uint32(r.fd)})
	if errno == 0 {
		closeAll([]int{fd})
	}
	return errno == 0, unless(errno, unix.EINVAL)
}

// tryFDOnly makes a ring without a descriptor, which therefore can be in memory
// of ours only.
func tryFDOnly(*ring) (bool, unix.Errno) {
	arena, err := backends.NewArena(2 * backends.PageSize)
	if err != nil {
		return false, unix.ENOMEM
	}
	defer func() { _ = arena.Free() }()
	p := &uapi.Params{Flags: uapi.SetupNoMmap | uapi.SetupRegisteredFDOnly}
	p.SQOff.UserAddr, p.CQOff.UserAddr = address(arena.Bytes(backends.PageSize)), address(arena.Bytes(backends.PageSize))
	i, errno := sysSetup(1, p)
	if errno != 0 {
		return false, unless(errno, unix.EINVAL)
	}
	u := uapi.RsrcUpdate{Offset: uint32(i)}
	_, errno = sysRegister(i, uapi.UnregisterRingFDs|uapi.RegisterUseRegisteredRing, unsafe.Pointer(&u), 1)
	return true, errno
}

// tryRegister asks where there is QUERY (Linux 6.18). Else it makes the request
// with as many arguments as it takes, at an address that cannot be read: -EINVAL
// is for a request that the kernel does not know (__io_uring_register,
// io_uring/register.c), and all others find fault with the address, or with the
// ring or the caller before they look at it.
func tryRegister(r *ring, o offer) (bool, unix.Errno) {
	if q, ok := query(); ok {
		return uint32(o.bit) < q.RegisterOps, 0
	}
	if o.with != 0 { // on another ring it is as if not known
		other, errno := newRing(1, 2, o.with, 0, 0)
		if errno != 0 {
			return false, errno
		}
		defer other.close()
		r = other
	}
	answer, errno := unreadable(r.fd, o)
	return answer != unix.EINVAL && answer != unix.EOPNOTSUPP, errno // the latter for what the kernel was built without
}

// unreadable is what the kernel answers to a request whose argument lies where
// nothing can be read.
func unreadable(fd int, o offer) (answer, errno unix.Errno) {
	mem, err := unix.Mmap(-1, 0, backends.PageSize, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return 0, errnoOf(err)
	}
	defer unmap(mem)
	_, answer = sysRegister(fd, uint32(o.bit), unsafe.Pointer(unsafe.SliceData(mem)), o.args)
	return answer, 0
}

// tryPersonality registers one, which ends with the ring; it takes no argument.
func tryPersonality(r *ring) (bool, unix.Errno) {
	_, errno := sysRegister(r.fd, uapi.RegisterPersonality, nil, 0)
	return errno == 0, unless(errno, unix.EINVAL)
}

// tryEnable enables a ring that is not disabled.
func tryEnable(r *ring) (bool, unix.Errno) {
	_, errno := sysRegister(r.fd, uapi.RegisterEnableRings, nil, 0)
	return errno == unix.EBADFD, unless(errno, unix.EBADFD, unix.EINVAL)
}

// trySendMsg makes the one request that is for a thread without a ring; where it
// is not known, -1 is a bad descriptor.
func trySendMsg(r *ring) (bool, unix.Errno) {
	mem, err := unix.Mmap(-1, 0, backends.PageSize, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return false, errnoOf(err)
	}
	defer unmap(mem)
	_, errno := sysRegister(-1, uapi.RegisterSendMsgRing, unsafe.Pointer(unsafe.SliceData(mem)), 1)
	return errno == unix.EFAULT, unless(errno, unix.EFAULT, unix.EINVAL, unix.EBADF)
}

// tryMappedRing registers a ring of one buffer.
func tryMappedRing(r *ring) (bool, unix.Errno) {
	reg := uapi.BufReg{RingEntries: 1, Bgid: bufGroup, Flags: uapi.PbufRingMmap}
	if _, errno := sysRegister(r.fd, uapi.RegisterPbufRing, unsafe.Pointer(&reg), 1); errno != 0 {
		return false, unless(errno, unix.EINVAL)
	}
	reg = uapi.BufReg{Bgid: bufGroup}
	_, errno := sysRegister(r.fd, uapi.UnregisterPbufRing, unsafe.Pointer(&reg), 1)
	return true, errno
}

// rsrcSize is what the requests that take tags want in place of a number.
const rsrcSize = uint32(unsafe.Sizeof(uapi.RsrcRegister{}))

// nobody is a user_data that no request has.
const nobody = 1 << 63

// instant is a time that is over. The kernel copies it on submission.
var instant = uapi.Timespec{Nsec: 1}

// tryArgument makes a request that bears the flag, on a descriptor that can be
// read and is no socket: -EINVAL is for a flag that the kernel does not know,
// and all else is said after it has judged the flags.
func tryArgument(r *ring, o offer) (bool, unix.Errno) {
	fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC)
	if err != nil {
		return false, errnoOf(err)
	}
	defer closeAll([]int{fd})
	c, errno := trial(r, func(e *uapi.SQE) { o.fill(e, int32(fd)) })
	return c.Res != -int32(unix.EINVAL), errno
}

func accepting(flag uint16) func(*uapi.SQE, int32) {
	return func(e *uapi.SQE, fd int32) { e.Opcode, e.FD, e.Ioprio = uapi.OpAccept, fd, flag }
}

func sendingVector(e *uapi.SQE, fd int32) {
	e.Opcode, e.FD, e.Ioprio = uapi.OpSend, fd, uapi.SendVectorized
}

func polling(flag uint32) func(*uapi.SQE, int32) {
	return func(e *uapi.SQE, fd int32) {
		e.Opcode, e.FD, e.Len, e.OpFlags = uapi.OpPollAdd, fd, flag, pollEvents(unix.POLLIN)
	}
}

func timing(flags uint32) func(*uapi.SQE, int32) {
	return func(e *uapi.SQE, _ int32) {
		e.Opcode, e.FD, e.OpFlags, e.Len, e.Off = uapi.OpTimeout, -1, flags, 1, 1 // once, where it would stay armed
		e.Addr = uint64(uintptr(unsafe.Pointer(&instant)))
	}
}

func timingAtOnce(e *uapi.SQE, _ int32) {
	e.Opcode, e.FD, e.OpFlags, e.Len, e.Addr = uapi.OpTimeout, -1, uapi.TimeoutImmediateArg, 1, 1
}

func retiming(flag uint32) func(*uapi.SQE, int32) {
	return func(e *uapi.SQE, _ int32) {
		e.Opcode, e.FD, e.OpFlags, e.Addr = uapi.OpTimeoutRemove, -1, flag, nobody
		e.Off = uint64(uintptr(unsafe.Pointer(&instant)))
	}
}

func cancelling(flags uint32) func(*uapi.SQE, int32) {
	return func(e *uapi.SQE, fd int32) {
		e.Opcode, e.FD, e.OpFlags, e.Addr, e.Len = uapi.OpAsyncCancel, fd, flags, nobody, uapi.OpNop
	}
}
