package uring

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/uapi"
)

// AnySlot lets the kernel choose a free slot of the loop's file table.
const AnySlot = -1

// RegisterFiles gives the loop a table of n direct descriptors, all empty. A
// loop has one such table at most; with the feature fixedfile or regfiles it is
// the loop's.
func (l *Loop) RegisterFiles(n int) error {
	if l.files != 0 || l.table != nil {
		return fmt.Errorf("uring: register a table of %d files: %w; the loop has a table of its own: use a variant without fixedfile and regfiles", n, unix.EBUSY)
	}
	fds := make([]int32, n)
	for i := range fds {
		fds[i] = -1
	}
	if _, errno := sysRegister(l.ring.fd, uapi.RegisterFiles, unsafe.Pointer(unsafe.SliceData(fds)), uint32(n)); errno != 0 {
		return fmt.Errorf("uring: register a table of %d files: %w", n, errno)
	}
	return nil
}

// Direct has a request that opens something (OpenAt, OpenAt2, Socket, Accept,
// Pipe) put it into that slot of the loop's file table rather than into the
// process's descriptors. With AnySlot, Res is the slot, else 0.
func (r *Request) Direct(slot int) *Request {
	switch r.sqe.Opcode {
	case uapi.OpOpenat, uapi.OpOpenat2, uapi.OpSocket, uapi.OpAccept, uapi.OpPipe:
		r.opens = false
		r.sqe.FileIndex = fileIndex(slot)
	default:
		r.err = fmt.Errorf("uring: IORING_OP_%s opens nothing that could be direct", opcodes[r.sqe.Opcode].name)
	}
	return r
}

func fileIndex(slot int) uint32 {
	if slot == AnySlot {
		return uapi.FileIndexAlloc
	}
	return uint32(slot) + 1
}

// RegisterBuffers makes buffers known to the kernel, which then need not look
// their pages up for every request that uses FixedBuffer. They must stay where
// they are until the loop is closed, so take them from an Arena. A loop has one
// such table at most.
func (l *Loop) RegisterBuffers(bufs [][]byte) error {
	iov := iovecs(bufs)
	if _, errno := sysRegister(l.ring.fd, uapi.RegisterBuffers, unsafe.Pointer(unsafe.SliceData(iov)), uint32(len(iov))); errno != 0 {
		return fmt.Errorf("uring: register %d buffers: %w; they are charged to the limit of locked memory (ulimit -l)", len(iov), errno)
	}
	return nil
}

// FixedBuffer says that the memory of a Read, Write, Readv or Writev lies in that
// buffer of those registered.
func (r *Request) FixedBuffer(index int) *Request {
	r.sqe.BufIndex = uint16(index)
	switch r.sqe.Opcode {
	case uapi.OpRead:
		r.sqe.Opcode = uapi.OpReadFixed
	case uapi.OpWrite:
		r.sqe.Opcode = uapi.OpWriteFixed
	case uapi.OpReadv:
		r.sqe.Opcode = uapi.OpReadvFixed
	case uapi.OpWritev:
		r.sqe.Opcode = uapi.OpWritevFixed
	default:
		r.err = fmt.Errorf("uring: IORING_OP_%s knows no registered buffers", opcodes[r.sqe.Opcode].name)
	}
	return r
}

// Fixed says that the request's descriptor is a slot of the loop's file table.
func (r *Request) Fixed() *Request {
	r.onFD = false
	r.sqe.Flags |= uapi.SQEFixedFile
	return r
}

// CloseDirect empties a slot of the loop's file table.
func CloseDirect(slot int) *Request {
	r := newRequest(uapi.OpClose, 0)
	r.onFD, r.sqe.FileIndex = false, fileIndex(slot)
	return r
}

// InstallFD makes an ordinary descriptor of a slot, close-on-exec. Res is the
// descriptor.
func InstallFD(slot int) *Request {
	r := newRequest(uapi.OpFixedFDInstall, slot).Fixed()
	r.opens = true
	return r
}

// UpdateFiles puts ordinary descriptors into the slots from first on; -1 empties
// one. With AnySlot the kernel chooses slots and writes their numbers to fds.
// Res is how many it did.
func UpdateFiles(first int, fds []int32) *Request {
	r := newRequest(uapi.OpFilesUpdate, -1)
	r.addr, r.sqe.Len, r.sqe.Off = unsafe.Pointer(unsafe.SliceData(fds)), uint32(len(fds)), uint64(uint32(first))
	return r
}
