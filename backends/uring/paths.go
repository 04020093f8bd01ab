package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/uapi"
)

// In all of these dir is a directory's descriptor, or unix.AT_FDCWD. It must
// stay open until the request has completed: a Close of it does not wait.

func newPathRequest(opcode uint8, dir int, path string) *Request {
	r := newRequest(opcode, dir)
	r.onFD = false
	r.addr = r.str("path", path)
	return r
}

// OpenAt is openat(2); flags are unix.O_*. Res is the descriptor.
func OpenAt(dir int, path string, flags int, mode uint32) *Request {
	r := newPathRequest(uapi.OpOpenat, dir, path)
	r.sqe.OpFlags, r.sqe.Len, r.opens = uint32(flags), mode, true
	return r
}

// OpenAt2 is openat2(2). Res is the descriptor.
func OpenAt2(dir int, path string, how unix.OpenHow) *Request {
	r := newPathRequest(uapi.OpOpenat2, dir, path)
	r.addr2, r.sqe.Len, r.opens = unsafe.Pointer(&how), uint32(unsafe.Sizeof(how)), true
	return r
}

// Statx is statx(2): what mask (unix.STATX_*) asks for of path goes to stat.
func Statx(dir int, path string, flags int, mask uint32, stat *unix.Statx_t) *Request {
	r := newPathRequest(uapi.OpStatx, dir, path)
	r.addr2, r.sqe.Len, r.sqe.OpFlags = unsafe.Pointer(stat), mask, uint32(flags)
	return r
}

// RenameAt is renameat2(2); flags are unix.RENAME_*.
func RenameAt(oldDir int, oldPath string, newDir int, newPath string, flags uint) *Request {
	r := newPathRequest(uapi.OpRenameat, oldDir, oldPath)
	r.addr2, r.sqe.Len, r.sqe.OpFlags = r.str("path", newPath), uint32(newDir), uint32(flags)
	return r
}

// UnlinkAt is unlinkat(2); with flags unix.AT_REMOVEDIR it removes a directory.
func UnlinkAt(dir int, path string, flags int) *Request {
	r := newPathRequest(uapi.OpUnlinkat, dir, path)
	r.sqe.OpFlags = uint32(flags)
	return r
}

// MkdirAt is mkdirat(2).
func MkdirAt(dir int, path string, mode uint32) *Request {
	r := newPathRequest(uapi.OpMkdirat, dir, path)
	r.sqe.Len = mode
	return r
}

// SymlinkAt is symlinkat(2): path becomes a link to target.
func SymlinkAt(target string, dir int, path string) *Request {
	r := newPathRequest(uapi.OpSymlinkat, dir, target)
	r.addr2 = r.str("path", path)
	return r
}

// LinkAt is linkat(2): newPath becomes another name of oldPath.
func LinkAt(oldDir int, oldPath string, newDir int, newPath string, flags int) *Request {
	r := newPathRequest(uapi.OpLinkat, oldDir, oldPath)
	r.addr2, r.sqe.Len, r.sqe.OpFlags = r.str("path", newPath), uint32(newDir), uint32(flags)
	return r
}

// SetXattr is setxattr(2); flags are unix.XATTR_* or 0.
func SetXattr(path, name string, value []byte, flags int) *Request {
	return newRequest(uapi.OpSetXattr, -1).xattr(name, value, false, flags).ofPath(path)
}

// GetXattr is getxattr(2). Res is the length of the value, which goes to dst; an
// empty dst asks for the length alone.
func GetXattr(path, name string, dst []byte) *Request {
	return newRequest(uapi.OpGetXattr, -1).xattr(name, dst, true, 0).ofPath(path)
}

// FsetXattr is fsetxattr(2).
func FsetXattr(fd int, name string, value []byte, flags int) *Request {
	return newRequest(uapi.OpFsetXattr, fd).xattr(name, value, false, flags)
}

// FgetXattr is fgetxattr(2).
func FgetXattr(fd int, name string, dst []byte) *Request {
	return newRequest(uapi.OpFgetXattr, fd).xattr(name, dst, true, 0)
}

func (r *Request) xattr(name string, value []byte, fills bool, flags int) *Request {
	r.data(value, fills)
	r.addr, r.addr2 = r.str("attribute", name), r.addr
	r.sqe.OpFlags = uint32(flags)
	return r
}

func (r *Request) ofPath(path string) *Request {
	r.addr3 = r.str("path", path)
	return r
}
