package uring

import "github.com/ringbench/ringbench/internal/uapi"

// An opcode is an operation of the kernel's. Since is the first version of Linux
// that has it, by liburing's manual pages, or git history where they are silent;
// it is printed, and decides nothing.
type opcode struct {
	name, since, doc string
	unusable         func() string
}

// opcodes has the kernel's name of every operation, without IORING_OP_.
var opcodes = [...]opcode{
	uapi.OpNop:            {name: "NOP", since: "5.1", doc: "completes at once"},
	uapi.OpReadv:          {name: "READV", since: "5.1", doc: "reads into several buffers"},
	uapi.OpWritev:         {name: "WRITEV", since: "5.1", doc: "writes from several buffers"},
	uapi.OpFsync:          {name: "FSYNC", since: "5.1", doc: "makes a file durable"},
	uapi.OpReadFixed:      {name: "READ_FIXED", since: "5.1", doc: "reads into a registered buffer"},
	uapi.OpWriteFixed:     {name: "WRITE_FIXED", since: "5.1", doc: "writes from a registered buffer"},
	uapi.OpPollAdd:        {name: "POLL_ADD", since: "5.1", doc: "waits until a descriptor is ready"},
	uapi.OpPollRemove:     {name: "POLL_REMOVE", since: "5.1", doc: "ends or changes such a wait"},
	uapi.OpSyncFileRange:  {name: "SYNC_FILE_RANGE", since: "5.2", doc: "writes a part of a file back"},
	uapi.OpSendmsg:        {name: "SENDMSG", since: "5.3", doc: "sends from several buffers"},
	uapi.OpRecvmsg:        {name: "RECVMSG", since: "5.3", doc: "receives into several buffers"},
	uapi.OpTimeout:        {name: "TIMEOUT", since: "5.4", doc: "completes after a time"},
	uapi.OpTimeoutRemove:  {name: "TIMEOUT_REMOVE", since: "5.5", doc: "ends or changes a timeout"},
	uapi.OpAccept:         {name: "ACCEPT", since: "5.5", doc: "accepts a connection"},
	uapi.OpAsyncCancel:    {name: "ASYNC_CANCEL", since: "5.5", doc: "cancels requests"},
	uapi.OpLinkTimeout:    {name: "LINK_TIMEOUT", since: "5.5", doc: "limits the time of the request before it"},
	uapi.OpConnect:        {name: "CONNECT", since: "5.5", doc: "connects a socket"},
	uapi.OpFallocate:      {name: "FALLOCATE", since: "5.6", doc: "reserves a file's blocks"},
	uapi.OpOpenat:         {name: "OPENAT", since: "5.6", doc: "opens a file"},
	uapi.OpClose:          {name: "CLOSE", since: "5.6", doc: "closes a descriptor"},
	uapi.OpFilesUpdate:    {name: "FILES_UPDATE", since: "5.6", doc: "changes registered files"},
	uapi.OpStatx:          {name: "STATX", since: "5.6", doc: "tells about a file"},
	uapi.OpRead:           {name: "READ", since: "5.6", doc: "reads"},
	uapi.OpWrite:          {name: "WRITE", since: "5.6", doc: "writes"},
	uapi.OpFadvise:        {name: "FADVISE", since: "5.6", doc: "announces how a file will be read"},
	uapi.OpMadvise:        {name: "MADVISE", since: "5.6", doc: "announces how memory will be used"},
	uapi.OpSend:           {name: "SEND", since: "5.6", doc: "sends"},
	uapi.OpRecv:           {name: "RECV", since: "5.6", doc: "receives"},
	uapi.OpOpenat2:        {name: "OPENAT2", since: "5.6", doc: "opens a file, with limits on the way to it"},
	uapi.OpEpollCtl:       {name: "EPOLL_CTL", since: "5.6", doc: "changes an epoll set"},
	uapi.OpSplice:         {name: "SPLICE", since: "5.7", doc: "moves data through a pipe"},
	uapi.OpProvideBuffers: {name: "PROVIDE_BUFFERS", since: "5.7", doc: "lends buffers for the kernel to choose from"},
	uapi.OpRemoveBuffers:  {name: "REMOVE_BUFFERS", since: "5.7", doc: "takes them back"},
	uapi.OpTee:            {name: "TEE", since: "5.8", doc: "copies from pipe to pipe"},
	uapi.OpShutdown:       {name: "SHUTDOWN", since: "5.11", doc: "ends a direction of a connection"},
	uapi.OpRenameat:       {name: "RENAMEAT", since: "5.11", doc: "renames a file"},
	uapi.OpUnlinkat:       {name: "UNLINKAT", since: "5.11", doc: "removes a file"},
	uapi.OpMkdirat:        {name: "MKDIRAT", since: "5.15", doc: "makes a directory"},
	uapi.OpSymlinkat:      {name: "SYMLINKAT", since: "5.15", doc: "makes a symbolic link"},
	uapi.OpLinkat:         {name: "LINKAT", since: "5.15", doc: "makes a link"},
	uapi.OpMsgRing:        {name: "MSG_RING", since: "5.18", doc: "posts a completion or a file to another ring (uring.MsgRing; msgring)"},
	uapi.OpFsetXattr:      {name: "FSETXATTR", since: "5.19", doc: "sets an attribute of an open file"},
	uapi.OpSetXattr:       {name: "SETXATTR", since: "5.19", doc: "sets an attribute of a file"},
	uapi.OpFgetXattr:      {name: "FGETXATTR", since: "5.19", doc: "reads an attribute of an open file"},
	uapi.OpGetXattr:       {name: "GETXATTR", since: "5.19", doc: "reads an attribute of a file"},
	uapi.OpSocket:         {name: "SOCKET", since: "5.19", doc: "makes a socket"},
	uapi.OpUringCmd:       {name: "URING_CMD", since: "5.19", doc: "hands a command to a driver or a socket"},
	uapi.OpSendZC:         {name: "SEND_ZC", since: "6.0", doc: "sends without copying", unusable: alwaysCopied},
	uapi.OpSendmsgZC:      {name: "SENDMSG_ZC", since: "6.1", doc: "the same from several buffers", unusable: alwaysCopied},
	uapi.OpReadMultishot:  {name: "READ_MULTISHOT", since: "6.7", doc: "a read that stays armed"},
	uapi.OpWaitid:         {name: "WAITID", since: "6.7", doc: "waits for a child process"},
	uapi.OpFutexWait:      {name: "FUTEX_WAIT", since: "6.7", doc: "waits for a futex"},
	uapi.OpFutexWake:      {name: "FUTEX_WAKE", since: "6.7", doc: "wakes those that wait for one"},
	uapi.OpFutexWaitv:     {name: "FUTEX_WAITV", since: "6.7", doc: "waits for several futexes"},
	uapi.OpFixedFDInstall: {name: "FIXED_FD_INSTALL", since: "6.8", doc: "makes a descriptor of a registered file"},
	uapi.OpFtruncate:      {name: "FTRUNCATE", since: "6.9", doc: "cuts a file to a size"},
	uapi.OpBind:           {name: "BIND", since: "6.11", doc: "binds a socket"},
	uapi.OpListen:         {name: "LISTEN", since: "6.11", doc: "listens"},
	uapi.OpRecvZC:         {name: "RECV_ZC", since: "6.15", doc: "receives without copying", unusable: noReceiveQueue},
	uapi.OpEpollWait:      {name: "EPOLL_WAIT", since: "6.15", doc: "takes events of an epoll set"},
	uapi.OpReadvFixed:     {name: "READV_FIXED", since: "6.15", doc: "reads into parts of a registered buffer"},
	uapi.OpWritevFixed:    {name: "WRITEV_FIXED", since: "6.15", doc: "writes from parts of a registered buffer"},
	uapi.OpPipe:           {name: "PIPE", since: "6.16", doc: "makes a pipe"},
	uapi.OpNop128:         {name: "NOP128", since: "6.19", doc: "a NOP of twice the size"},
	uapi.OpUringCmd128:    {name: "URING_CMD128", since: "6.19", doc: "a command of twice the size"},
}

// usedOps are the opcodes that a default loop submits.
var usedOps = []uint8{
	uapi.OpNop, uapi.OpPollAdd, uapi.OpAccept, uapi.OpConnect, uapi.OpRecv, uapi.OpSend, uapi.OpClose, uapi.OpTimeout, uapi.OpAsyncCancel,
	uapi.OpRecvmsg, uapi.OpSendmsg, uapi.OpRead, uapi.OpWrite, uapi.OpFsync, uapi.OpSplice,
}

func alwaysCopied() string { return "always copied on loopback" }

func noReceiveQueue() string {
	return "needs a receive queue of a network device with header split; loopback has none"
}
