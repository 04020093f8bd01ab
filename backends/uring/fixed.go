package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// maxFiles bounds a ring's table of registered files. The kernel allocates the
// whole table at once, eight bytes a slot.
const maxFiles = 1 << 16

// tableSize is how many connections a loop's table holds: as many as the
// process may have descriptors, within reason. The kernel refuses more than
// that limit (io_sqe_files_register in io_uring/rsrc.c).
func tableSize() int32 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int32(max(1, min(limit.Cur, maxFiles)))
}

// registerFiles gives the ring an empty table of n slots (Linux 5.19).
func (r *ring) registerFiles(n int32) unix.Errno {
	reg := uapi.RsrcRegister{Nr: uint32(n), Flags: uapi.RsrcRegisterSparse}
	_, errno := sysRegister(r.fd, uapi.RegisterFiles2, unsafe.Pointer(&reg), uint32(unsafe.Sizeof(reg)))
	return errno
}

// initFiles makes the table. A connection in it has a number of its own, which
// says nothing of descriptors, so both kinds have entries in Loop.fds: first
// the slots of the table, then the descriptors.
func (l *Loop) initFiles() unix.Errno {
	n := tableSize()
	if errno := l.ring.registerFiles(n); errno != 0 {
		return errno
	}
	l.files = n
	return 0
}

// inTable reports whether op.Socket is a slot of the table.
func (l *Loop) inTable(op *backends.Op) bool {
	return op.Flags&backends.Fixed != 0 && l.files != 0 && op.Code != backends.Accept && !fromFile(op)
}

// acceptsFixed reports whether an Accept puts connections in the table.
func (l *Loop) acceptsFixed(op *backends.Op) bool {
	return op.Flags&backends.Fixed != 0 && l.files != 0
}

// key is the index in Loop.fds of what op works on.
func (l *Loop) key(op *backends.Op) int32 {
	if l.inTable(op) {
		return op.Socket()
	}
	return l.place(op.Socket())
}

// prepClose closes a descriptor, or empties a slot of the table.
func (l *Loop) prepClose(e *uapi.SQE, op *backends.Op) {
	e.Opcode = uapi.OpClose
	if l.inTable(op) {
		e.Flags &^= uapi.SQEFixedFile // which the kernel refuses here
		e.FD, e.FileIndex = 0, uint32(op.FD)+1
		return
	}
	l.forgetFile(op.FD)
}

// prepShutdown is for a slot of the table, which has no descriptor to call
// shutdown(2) with. The kernel hands it to a worker thread (see shutdown).
func prepShutdown(e *uapi.SQE, op *backends.Op) {
	e.Opcode = uapi.OpShutdown
	e.Len = uint32(op.Off)
}
