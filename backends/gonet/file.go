package gonet

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// wrapFile makes an os.File of the descriptor, as wrap does a connection.
func (d *desc) wrapFile() (calls uint64, err error) {
	if d.file != nil {
		return 0, nil
	}
	dup, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return 1, err
	}
	d.file = os.NewFile(uintptr(dup), "file")
	return 1, nil
}

// callFile makes the call of a file op. ReadAt and WriteAt of package os go on
// until all of the buffer is moved or the file has ended.
func (e *entry) callFile() {
	switch e.op.Code {
	case backends.ReadAt:
		e.n, e.err = e.desc.file.ReadAt(capped(e.buf), e.op.Off)
	case backends.WriteAt:
		e.n, e.err = e.desc.file.WriteAt(capped(e.op.Buf), e.op.Off)
	default: // Sync is all that package os has: Fdatasync writes the attributes too
		e.err = e.desc.file.Sync()
	}
}

// capped is as much of b as a Result can tell of.
func capped(b []byte) []byte { return b[:min(len(b), 1<<31-1)] }
