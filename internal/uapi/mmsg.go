package uapi

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Messages are datagrams that one call receives or sends.
type Messages struct {
	heads []messageHead
	parts []unix.Iovec // of each the only one
}

// messageHead is struct mmsghdr of recvmmsg(2).
type messageHead struct {
	unix.Msghdr
	n uint32 // bytes moved, of a datagram that was cut those that it had
}

// NewMessages has room for n datagrams.
func NewMessages(n int) *Messages {
	m := &Messages{make([]messageHead, n), make([]unix.Iovec, n)}
	for i := range m.heads {
		m.heads[i].Iov = &m.parts[i]
		m.heads[i].SetIovlen(1)
	}
	return m
}

// Put makes b the bytes of datagram i, or the room for them, and name its address.
// Both stay put and alive by the caller's care.
func (m *Messages) Put(i int, b []byte, name Name) {
	m.parts[i].Base = unsafe.SliceData(b)
	m.parts[i].SetLen(len(b))
	m.heads[i].Name = (*byte)(name.at)
	m.heads[i].Namelen = uint32(name.length())
}

// Got is how many bytes datagram i had, and its sender's address.
func (m *Messages) Got(i int) (n int, name uint32) { return int(m.heads[i].n), m.heads[i].Namelen }

// ReceiveRaw is recvmmsg(2) (Linux 2.6.33) entered raw, for the first n of m.
func (m *Messages) ReceiveRaw(fd int32, n, flags int) (int, unix.Errno) {
	k, _, e := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.heads[0])), uintptr(n), uintptr(flags), 0, 0)
	return int(k), e
}

// Receive is ReceiveRaw entered through the scheduler.
func (m *Messages) Receive(fd int32, n, flags int) (int, unix.Errno) {
	k, _, e := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.heads[0])), uintptr(n), uintptr(flags), 0, 0)
	return int(k), e
}

// SendRaw is sendmmsg(2) (Linux 3.0) entered raw, for n of m from number i on.
func (m *Messages) SendRaw(fd int32, i, n, flags int) (int, unix.Errno) {
	k, _, e := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.heads[i])), uintptr(n), uintptr(flags), 0, 0)
	return int(k), e
}

// Send is SendRaw entered through the scheduler.
func (m *Messages) Send(fd int32, i, n, flags int) (int, unix.Errno) {
	k, _, e := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.heads[i])), uintptr(n), uintptr(flags), 0, 0)
	return int(k), e
}
