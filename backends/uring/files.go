package uring

import (
	"math"
	"unsafe"

	"github.com/ringbench/ringbench/internal/uapi"
)

// Read is pread(2) into buf; off -1 is read(2), at the file's own position.
func Read(fd int, buf []byte, off int64) *Request {
	r := newRequest(uapi.OpRead, fd).data(buf, true)
	r.sqe.Off = uint64(off)
	return r
}

// Write is pwrite(2) of buf; off -1 is write(2).
func Write(fd int, buf []byte, off int64) *Request {
	r := newRequest(uapi.OpWrite, fd).data(buf, false)
	r.sqe.Off = uint64(off)
	return r
}

// Readv is preadv2(2); flags are unix.RWF_*.
func Readv(fd int, bufs [][]byte, off int64, flags int) *Request {
	r := newRequest(uapi.OpReadv, fd).vector(bufs, true)
	r.sqe.Off, r.sqe.OpFlags = uint64(off), uint32(flags)
	return r
}

// Writev is pwritev2(2).
func Writev(fd int, bufs [][]byte, off int64, flags int) *Request {
	r := newRequest(uapi.OpWritev, fd).vector(bufs, false)
	r.sqe.Off, r.sqe.OpFlags = uint64(off), uint32(flags)
	return r
}

// ReadMulti reads a pipe, a terminal or another file that can be polled as often
// as something is there, each time into a buffer of the loop's, as a Recv with
// Multishot and SelectBuf does (Linux 6.7): the Completion has Buf, to be given
// back with Recycle, and More; want of buffers only delays it. It ends with 0 at
// the end of the file.
func ReadMulti(fd int) *Request {
	r := newRequest(uapi.OpReadMultishot, fd)
	r.selects = true
	r.sqe.Flags, r.sqe.BufIndex = uapi.SQEBufferSelect, bufGroup
	return r
}

// Fsync is fsync(2).
func Fsync(fd int) *Request { return newRequest(uapi.OpFsync, fd) }

// Fdatasync is fdatasync(2).
func Fdatasync(fd int) *Request {
	r := newRequest(uapi.OpFsync, fd)
	r.sqe.OpFlags = uapi.FsyncDatasync
	return r
}

// SyncFileRange is sync_file_range(2) of n bytes from off, or of all from there
// where n is 0; flags are unix.SYNC_FILE_RANGE_*.
func SyncFileRange(fd int, off int64, n uint32, flags int) *Request {
	r := newRequest(uapi.OpSyncFileRange, fd)
	r.sqe.Off, r.sqe.Len, r.sqe.OpFlags = uint64(off), n, uint32(flags)
	return r
}

// Fallocate is fallocate(2); mode is unix.FALLOC_FL_* or 0.
func Fallocate(fd int, mode uint32, off, n int64) *Request {
	r := newRequest(uapi.OpFallocate, fd)
	r.sqe.Off, r.sqe.Addr, r.sqe.Len = uint64(off), uint64(n), mode
	return r
}

// Ftruncate is ftruncate(2).
func Ftruncate(fd int, size int64) *Request {
	r := newRequest(uapi.OpFtruncate, fd)
	r.sqe.Off = uint64(size)
	return r
}

// Fadvise is posix_fadvise(2); advice is unix.FADV_*.
func Fadvise(fd int, off int64, n uint32, advice int) *Request {
	r := newRequest(uapi.OpFadvise, fd)
	r.sqe.Off, r.sqe.Len, r.sqe.OpFlags = uint64(off), n, uint32(advice)
	return r
}

// Madvise is madvise(2) on mem, which must begin on a page; advice is unix.MADV_*.
func Madvise(mem []byte, advice int) *Request {
	r := newRequest(uapi.OpMadvise, -1)
	r.addr = unsafe.Pointer(unsafe.SliceData(mem))
	r.bufs, r.fills = [][]byte{mem}, false
	r.sqe.Len, r.sqe.OpFlags = uint32(len(mem)), uint32(advice)
	if uint64(len(mem)) > math.MaxUint32 {
		// Linux 6.11 looks here first; those before take only what fits in Len.
		r.sqe.Len, r.sqe.Off = 0, uint64(len(mem))
	}
	return r
}

// Splice is splice(2) of n bytes between two descriptors, one of them a pipe's.
// An offset of -1 means none; flags are unix.SPLICE_F_*. A Close of out ends the
// request first, one of in does not.
func Splice(in int, offIn int64, out int, offOut int64, n uint32, flags int) *Request {
	r := newRequest(uapi.OpSplice, out)
	r.sqe.Off, r.sqe.Addr, r.sqe.Len = uint64(offOut), uint64(offIn), n
	r.sqe.FileIndex, r.sqe.OpFlags = uint32(in), uint32(flags)
	return r
}

// Tee is tee(2) of n bytes from one pipe to another.
func Tee(in, out int, n uint32, flags int) *Request {
	r := newRequest(uapi.OpTee, out)
	r.sqe.Len, r.sqe.FileIndex, r.sqe.OpFlags = n, uint32(in), uint32(flags)
	return r
}

// Pipe is pipe2(2): fds gets the end to read from and the end to write to.
func Pipe(fds *[2]int32, flags int) *Request {
	r := newRequest(uapi.OpPipe, 0) // the kernel wants zeros in all that it does not use
	r.onFD = false
	r.addr, r.sqe.OpFlags = unsafe.Pointer(fds), uint32(flags)
	return r
}

// CloseFD is close(2) of a descriptor that no operation of the loop is using,
// such as one that OpenAt made; else it fails with EBUSY. The contract's Close
// ends the operations first.
func CloseFD(fd int) *Request { return newRequest(uapi.OpClose, fd) }

// Nop does nothing and completes with result.
func Nop(result int32) *Request {
	r := newRequest(uapi.OpNop, -1)
	if result != 0 {
		r.sqe.OpFlags, r.sqe.Len = uapi.NopInjectResult, uint32(result)
	}
	return r
}
