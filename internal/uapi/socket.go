package uapi

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// RecvRaw is recvfrom(2) without an address, entered raw.
func RecvRaw(fd int32, b []byte, flags int) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(flags), 0, 0)
	return int(n), e
}

// SendRaw is sendto(2) without an address, entered raw.
func SendRaw(fd int32, b []byte, flags int) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(flags), 0, 0)
	return int(n), e
}

// Recv is recvfrom(2) entered through the scheduler: for calls that may block
// while other goroutines need the P.
func Recv(fd int32, b []byte, flags int) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(flags), 0, 0)
	return int(n), e
}

// Send is sendto(2) entered through the scheduler.
func Send(fd int32, b []byte, flags int) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(flags), 0, 0)
	return int(n), e
}

// ReadRaw is read(2) entered raw, which takes no flags: the socket must be one
// that does not block.
func ReadRaw(fd int32, b []byte, _ int) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), e
}

// WriteRaw is write(2) entered raw, as ReadRaw. The runtime ignores SIGPIPE.
func WriteRaw(fd int32, b []byte, _ int) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), e
}

// Read is ReadRaw entered through the scheduler.
func Read(fd int32, b []byte, _ int) (int, unix.Errno) {
	n, _, e := unix.Syscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), e
}

// Write is WriteRaw entered through the scheduler.
func Write(fd int32, b []byte, _ int) (int, unix.Errno) {
	n, _, e := unix.Syscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), e
}

// AcceptRaw is accept4(2) without the peer's address, entered raw.
func AcceptRaw(fd int32, flags int) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), 0, 0, uintptr(flags), 0, 0)
	return int(n), e
}

// Accept is accept4(2) entered through the scheduler.
func Accept(fd int32, flags int) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_ACCEPT4, uintptr(fd), 0, 0, uintptr(flags), 0, 0)
	return int(n), e
}

// ConnectRaw is connect(2) entered raw; on a blocking socket it blocks.
func ConnectRaw(fd int32, addr *unix.RawSockaddrAny, size uint32) unix.Errno {
	_, _, e := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(addr)), uintptr(size))
	return e
}

// Connect is connect(2) entered through the scheduler.
func Connect(fd int32, addr *unix.RawSockaddrAny, size uint32) unix.Errno {
	_, _, e := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(addr)), uintptr(size))
	return e
}

// ShutdownRaw is shutdown(2) entered raw.
func ShutdownRaw(fd int32, how int) unix.Errno {
	_, _, e := syscall.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0)
	return e
}

// Shutdown is ShutdownRaw entered through the scheduler.
func Shutdown(fd int32, how int) unix.Errno {
	_, _, e := unix.Syscall(unix.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0)
	return e
}

// CloseRaw is close(2) entered raw.
func CloseRaw(fd int32) unix.Errno {
	_, _, e := syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return e
}

// Close is CloseRaw entered through the scheduler.
func Close(fd int32) unix.Errno {
	_, _, e := unix.Syscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return e
}

// EpollEvent is struct epoll_event; Data carries a descriptor and a generation.
type EpollEvent = unix.EpollEvent

// EpollWaitRaw is epoll_pwait2(2) (Linux 5.11) entered raw. A nil timeout has no end.
func EpollWaitRaw(epfd int, ev []EpollEvent, timeout *unix.Timespec) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epfd), uintptr(unsafe.Pointer(unsafe.SliceData(ev))), uintptr(len(ev)), uintptr(unsafe.Pointer(timeout)), 0, 0)
	return int(n), e
}

// Poll is ppoll(2) entered through the scheduler. A nil timeout has no end.
func Poll(fds []unix.PollFd, timeout *unix.Timespec) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)), uintptr(unsafe.Pointer(timeout)), 0, 0, 0)
	return int(n), e
}

// EpollWait is epoll_pwait2(2) entered through the scheduler.
func EpollWait(epfd int, ev []EpollEvent, timeout *unix.Timespec) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epfd), uintptr(unsafe.Pointer(unsafe.SliceData(ev))), uintptr(len(ev)), uintptr(unsafe.Pointer(timeout)), 0, 0)
	return int(n), e
}
