package uring

import (
	"fmt"
	"unsafe"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// opcodes has the kernel's name of every operation, without IORING_OP_, and the
// version that brought it (liburing's man pages; git history where they are
// silent). The version is for messages only: support is asked for.
var opcodes = [...]struct{ name, since string }{
	uapi.OpNop:            {"NOP", "5.1"},
	uapi.OpReadv:          {"READV", "5.1"},
	uapi.OpWritev:         {"WRITEV", "5.1"},
	uapi.OpFsync:          {"FSYNC", "5.1"},
	uapi.OpReadFixed:      {"READ_FIXED", "5.1"},
	uapi.OpWriteFixed:     {"WRITE_FIXED", "5.1"},
	uapi.OpPollAdd:        {"POLL_ADD", "5.1"},
	uapi.OpPollRemove:     {"POLL_REMOVE", "5.1"},
	uapi.OpSyncFileRange:  {"SYNC_FILE_RANGE", "5.2"},
	uapi.OpSendmsg:        {"SENDMSG", "5.3"},
	uapi.OpRecvmsg:        {"RECVMSG", "5.3"},
	uapi.OpTimeout:        {"TIMEOUT", "5.4"},
	uapi.OpTimeoutRemove:  {"TIMEOUT_REMOVE", "5.5"},
	uapi.OpAccept:         {"ACCEPT", "5.5"},
	uapi.OpAsyncCancel:    {"ASYNC_CANCEL", "5.5"},
	uapi.OpLinkTimeout:    {"LINK_TIMEOUT", "5.5"},
	uapi.OpConnect:        {"CONNECT", "5.5"},
	uapi.OpFallocate:      {"FALLOCATE", "5.6"},
	uapi.OpOpenat:         {"OPENAT", "5.6"},
	uapi.OpClose:          {"CLOSE", "5.6"},
	uapi.OpFilesUpdate:    {"FILES_UPDATE", "5.6"},
	uapi.OpStatx:          {"STATX", "5.6"},
	uapi.OpRead:           {"READ", "5.6"},
	uapi.OpWrite:          {"WRITE", "5.6"},
	uapi.OpFadvise:        {"FADVISE", "5.6"},
	uapi.OpMadvise:        {"MADVISE", "5.6"},
	uapi.OpSend:           {"SEND", "5.6"},
	uapi.OpRecv:           {"RECV", "5.6"},
	uapi.OpOpenat2:        {"OPENAT2", "5.6"},
	uapi.OpEpollCtl:       {"EPOLL_CTL", "5.6"},
	uapi.OpSplice:         {"SPLICE", "5.7"},
	uapi.OpProvideBuffers: {"PROVIDE_BUFFERS", "5.7"},
	uapi.OpRemoveBuffers:  {"REMOVE_BUFFERS", "5.7"},
	uapi.OpTee:            {"TEE", "5.8"},
	uapi.OpShutdown:       {"SHUTDOWN", "5.11"},
	uapi.OpRenameat:       {"RENAMEAT", "5.11"},
	uapi.OpUnlinkat:       {"UNLINKAT", "5.11"},
	uapi.OpMkdirat:        {"MKDIRAT", "5.15"},
	uapi.OpSymlinkat:      {"SYMLINKAT", "5.15"},
	uapi.OpLinkat:         {"LINKAT", "5.15"},
	uapi.OpMsgRing:        {"MSG_RING", "5.18"},
	uapi.OpFsetXattr:      {"FSETXATTR", "5.19"},
	uapi.OpSetXattr:       {"SETXATTR", "5.19"},
	uapi.OpFgetXattr:      {"FGETXATTR", "5.19"},
	uapi.OpGetXattr:       {"GETXATTR", "5.19"},
	uapi.OpSocket:         {"SOCKET", "5.19"},
	uapi.OpUringCmd:       {"URING_CMD", "5.19"},
	uapi.OpSendZC:         {"SEND_ZC", "6.0"},
	uapi.OpSendmsgZC:      {"SENDMSG_ZC", "6.1"},
	uapi.OpReadMultishot:  {"READ_MULTISHOT", "6.7"},
	uapi.OpWaitid:         {"WAITID", "6.7"},
	uapi.OpFutexWait:      {"FUTEX_WAIT", "6.7"},
	uapi.OpFutexWake:      {"FUTEX_WAKE", "6.7"},
	uapi.OpFutexWaitv:     {"FUTEX_WAITV", "6.7"},
	uapi.OpFixedFDInstall: {"FIXED_FD_INSTALL", "6.8"},
	uapi.OpFtruncate:      {"FTRUNCATE", "6.9"},
	uapi.OpBind:           {"BIND", "6.11"},
	uapi.OpListen:         {"LISTEN", "6.11"},
	uapi.OpRecvZC:         {"RECV_ZC", "6.15"},
	uapi.OpEpollWait:      {"EPOLL_WAIT", "6.15"},
	uapi.OpReadvFixed:     {"READV_FIXED", "6.15"},
	uapi.OpWritevFixed:    {"WRITEV_FIXED", "6.15"},
	uapi.OpPipe:           {"PIPE", "6.16"},
	uapi.OpNop128:         {"NOP128", "6.19"},
	uapi.OpUringCmd128:    {"URING_CMD128", "6.19"},
}

// knows is an error when this kernel lacks the operation, which it is asked the
// first time.
func (l *Loop) knows(opcode uint8) error {
	if l.known == nil {
		p := new(uapi.Probe)
		if _, errno := uapi.Register(l.ring.fd, uapi.RegisterProbe, unsafe.Pointer(p), uint32(len(p.Ops))); errno != 0 {
			return fmt.Errorf("uring: ask the kernel for its operations: %w", errno)
		}
		l.count(backends.SysOther)
		l.known = p
	}
	if l.known.Has(opcode) {
		return nil
	}
	return &backends.Unavailable{
		Backend: "uring",
		Why:     fmt.Sprintf("the kernel does not know IORING_OP_%s, since Linux %s", opcodes[opcode].name, opcodes[opcode].since),
		Remedy:  "use a newer kernel, or do without this request",
	}
}
