package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// With regfiles a descriptor is put into the ring's table of files, in the slot
// of its own number, so that a request on it takes no reference to the file and
// drops none (IOSQE_FIXED_FILE). The table holds the file open: a Close empties
// the slot before it closes the descriptor, or the peer would see no end.

// registerAt is the request on a descriptor with which it is registered; tests
// lower it. That and emptying the slot are two system calls, and a request saves
// two atomic operations; estimated, not measured, at 0.8 µs and 10 ns. By then
// about as much could have been saved as it costs: a connection that is soon gone
// is never registered, and a file that is read over and over is.
var registerAt = uint8(64)

// oftenUsed are the ops on descriptors that come to be registered.
var oftenUsed = func() []backends.Kind {
	list := backends.Kinds(0, backends.Accept, backends.Connect, backends.Recv, backends.Send, backends.RecvFrom, backends.SendTo,
		backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync, backends.Splice)
	for i := range list {
		list[i].Uses = int(registerAt)
	}
	return list
}()

// A fileTable is that table.
type fileTable struct {
	size   int32
	at     uint8 // see registerAt
	fd     int32 // what update points to
	update uapi.RsrcUpdate
}

func newFileTable(r *ring) (*fileTable, unix.Errno) {
	t := &fileTable{size: tableSize(), at: registerAt}
	t.update.Data = uint64(uintptr(unsafe.Pointer(&t.fd)))
	return t, r.registerFiles(t.size)
}

// setFile fills a slot, or with fd -1 empties it.
func (l *Loop) setFile(slot, fd int32) unix.Errno {
	t := l.table
	t.fd, t.update.Offset = fd, uint32(slot)
	l.count(backends.SysOther)
	_, errno := sysRegister(l.ring.fd, uapi.RegisterFilesUpdate, unsafe.Pointer(&t.update), 1)
	return errno
}

// byIndex has a submission entry that is complete name its file by slot, if that
// is registered or now worth it. A descriptor whose number is beyond the table,
// or that the kernel does not register (another ring, say), stays as it is.
func (l *Loop) byIndex(e *uapi.SQE) {
	if e.FD < 0 || e.Flags&uapi.SQEFixedFile != 0 || !worksOnFile(e.Opcode) {
		return
	}
	f := l.opsOn(e.FD)
	if f.uses < l.table.at {
		if f.uses++; f.uses < l.table.at {
			return
		}
		f.registered = e.FD < l.table.size && l.setFile(e.FD, e.FD) == 0
		if f.registered {
			l.count(backends.FileSlots)
		} else {
			l.count(backends.PlainFiles)
		}
	}
	if f.registered {
		e.Flags |= uapi.SQEFixedFile
	}
}

// worksOnFile reports whether an operation's descriptor is the file that it
// moves bytes of, or waits for, all its time.
func worksOnFile(opcode uint8) bool {
	switch opcode {
	case uapi.OpAccept, uapi.OpConnect, uapi.OpPollAdd, uapi.OpFsync, uapi.OpSplice,
		uapi.OpRecv, uapi.OpSend, uapi.OpSendZC, uapi.OpRecvmsg, uapi.OpSendmsg, uapi.OpSendmsgZC,
		uapi.OpRead, uapi.OpReadv, uapi.OpReadFixed, uapi.OpReadvFixed, uapi.OpReadMultishot,
		uapi.OpWrite, uapi.OpWritev, uapi.OpWriteFixed, uapi.OpWritevFixed:
		return true
	}
	return false
}

// forgetFile empties the slot of a descriptor that is to be closed and on which
// there is no request any more.
func (l *Loop) forgetFile(fd int32) {
	if l.table == nil || int(fd) >= len(l.fds) {
		return
	}
	f := &l.fds[fd]
	if f.registered {
		_ = l.setFile(fd, -1) // fails only for a slot beyond the table
	}
	f.uses, f.registered = 0, false
}

// tryRegFiles registers a file in a sparse table.
func tryRegFiles(*ring) (bool, unix.Errno) {
	r, errno := newRing(2, 4, 0, 0, 0)
	if errno != 0 {
		return false, errno
	}
	defer r.close()
	errno = r.registerFiles(2)
	return errno == 0, unless(errno, unix.EINVAL)
}
