package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// fixedBufs is the loop's pools as the kernel knows them: registered in pieces,
// of which none may be larger than 1 GiB (io_buffer_validate in
// io_uring/rsrc.c).
type fixedBufs []fixedPool

type fixedPool struct {
	base, size, piece uint64
	first             uint64 // number of its first piece
}

const maxPiece = 1 << 30

func newFixedBufs(fd int, pools ...*backends.Pool) (fixedBufs, unix.Errno) {
	var f fixedBufs
	var iovs []unix.Iovec
	for _, pool := range pools {
		mem, step := pool.Memory()
		p := fixedPool{address(mem), uint64(len(mem)), uint64(maxPiece / step * step), uint64(len(iovs))}
		f = append(f, p)
		for rest := mem; len(rest) > 0; {
			n := min(uint64(len(rest)), p.piece)
			iovs = append(iovs, unix.Iovec{Base: unsafe.SliceData(rest), Len: n})
			rest = rest[n:]
		}
	}
	errno := patiently(func() unix.Errno {
		_, errno := sysRegister(fd, uapi.RegisterBuffers, unsafe.Pointer(unsafe.SliceData(iovs)), uint32(len(iovs)))
		return errno
	})
	return f, errno
}

// index is the number of the piece in which b lies; false when it lies in none.
func (f fixedBufs) index(b []byte) (uint16, bool) { return f.at(address(b)) }

func (f fixedBufs) at(addr uint64) (uint16, bool) {
	for i := range f {
		p := &f[i]
		if off := addr - p.base; off < p.size { // wraps far beyond size where addr lies before
			return uint16(p.first + off/p.piece), true
		}
	}
	return 0, false
}

// registerPools makes the pools known to the kernel that the variant wants to be.
func (l *Loop) registerPools() (errno unix.Errno) {
	switch {
	case l.feat.has(fixedBuffers):
		if errno := l.mapReads(); errno != 0 {
			return errno
		}
		l.fixed, errno = newFixedBufs(l.ring.fd, l.pool, l.reads.pool)
	case l.feat.has(zcFixed):
		l.fixed, errno = newFixedBufs(l.ring.fd, l.pool)
	}
	return errno
}

// tryReadFixed reads a byte of a file into a registered buffer.
func tryReadFixed(*ring) (bool, unix.Errno) {
	r, errno := newRing(2, 4, 0, 0, 0)
	if errno != 0 {
		return false, errno
	}
	pool, err := backends.NewPool(1, 1, false)
	if err != nil {
		r.close()
		return false, unix.ENOMEM
	}
	defer func() { _ = pool.Close() }()
	defer r.close()
	if _, errno := newFixedBufs(r.fd, pool); errno != 0 {
		return false, errno
	}
	fd, err := unix.MemfdCreate("ringbench", unix.MFD_CLOEXEC)
	if err != nil {
		return false, errnoOf(err)
	}
	defer closeAll([]int{fd})
	if _, err := unix.Write(fd, []byte{1}); err != nil {
		return false, errnoOf(err)
	}
	c, errno := trial(r, func(e *uapi.SQE) {
		e.Opcode, e.FD, e.Addr, e.Len = uapi.OpReadFixed, int32(fd), address(pool.At(0)), 1
	})
	return c.Res == 1, errno
}
