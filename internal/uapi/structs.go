package uapi

import "unsafe"

// An SQE is one request in the submission queue: struct io_uring_sqe. Where the
// kernel overlays several names on a field, the Go name is the most general.
type SQE struct {
	Opcode      uint8
	Flags       uint8  // SQE*
	Ioprio      uint16 // priority, or RecvSend*, Accept* modifiers
	FD          int32
	Off         uint64 // file offset; address length of connect; addr2
	Addr        uint64 // buffer, sockaddr, timespec, or user_data to cancel
	Len         uint32
	OpFlags     uint32 // msg_flags, accept_flags, cancel_flags, timeout_flags, …
	UserData    uint64
	BufIndex    uint16 // or the buffer group, with SQEBufferSelect
	Personality uint16
	FileIndex   uint32 // or splice_fd_in; write_stream in its first byte
	Addr3       uint64 // third address; address of an AttrPI; option value of OpUringCmd
	AttrMask    uint64 // RWAttrFlagPI
}

// A CQE is one result in the completion queue: struct io_uring_cqe.
type CQE struct {
	UserData uint64
	Res      int32
	Flags    uint32 // CQEF*
}

// Params is what Setup takes and gives back: struct io_uring_params.
type Params struct {
	SQEntries    uint32
	CQEntries    uint32
	Flags        uint32 // Setup*
	SQThreadCPU  uint32
	SQThreadIdle uint32 // milliseconds
	Features     uint32 // Feat*
	WQFD         uint32
	_            [3]uint32
	SQOff        SQRingOffsets
	CQOff        CQRingOffsets
}

// SQRingOffsets says where things lie in the submission ring's mapping: struct io_sqring_offsets.
type SQRingOffsets struct {
	Head        uint32
	Tail        uint32
	RingMask    uint32
	RingEntries uint32
	Flags       uint32 // SQ*
	Dropped     uint32
	Array       uint32
	_           uint32
	UserAddr    uint64
}

// CQRingOffsets says where things lie in the completion ring's mapping: struct io_cqring_offsets.
type CQRingOffsets struct {
	Head        uint32
	Tail        uint32
	RingMask    uint32
	RingEntries uint32
	Overflow    uint32
	CQEs        uint32
	Flags       uint32 // CQ*
	_           uint32
	UserAddr    uint64
}

// A Timespec is struct __kernel_timespec, 64-bit everywhere.
type Timespec struct {
	Sec  int64
	Nsec int64
}

// GetEventsArg is the argument of Enter with EnterExtArg: struct io_uring_getevents_arg.
type GetEventsArg struct {
	Sigmask     uint64
	SigmaskSize uint32
	MinWaitUsec uint32
	TS          uint64 // address of a Timespec, or 0
}

// RecvmsgOut precedes the data in a buffer that a multishot OpRecvmsg filled:
// struct io_uring_recvmsg_out.
type RecvmsgOut struct {
	NameLen    uint32
	ControlLen uint32
	PayloadLen uint32
	Flags      uint32 // of recvmsg(2), such as MSG_TRUNC
}

// AttrPI is the protection information of a read or write: struct io_uring_attr_pi.
type AttrPI struct {
	Flags  uint16
	AppTag uint16
	Len    uint32
	Addr   uint64
	Seed   uint64
	_      uint64
}

// IOTimespec is the time in the second half of a completion of
// SocketTxTimestamp: struct io_timespec.
type IOTimespec struct {
	Sec  uint64
	Nsec uint64
}

// A Buf is an entry of a provided buffer ring: struct io_uring_buf. Resv of
// entry 0 is the ring's tail.
type Buf struct {
	Addr uint64
	Len  uint32
	Bid  uint16
	Resv uint16
}

// BufReg is the argument of RegisterPbufRing: struct io_uring_buf_reg.
type BufReg struct {
	RingAddr    uint64
	RingEntries uint32
	Bgid        uint16
	Flags       uint16 // PbufRing*
	MinLeft     uint32
	_           [5]uint32
}

// A difference from the kernel's layout makes one of these array types disagree
// and the package fail to compile.
var (
	_ [64]byte  = [unsafe.Sizeof(SQE{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(CQE{})]byte{}
	_ [120]byte = [unsafe.Sizeof(Params{})]byte{}
	_ [40]byte  = [unsafe.Sizeof(SQRingOffsets{})]byte{}
	_ [40]byte  = [unsafe.Sizeof(CQRingOffsets{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(Timespec{})]byte{}
	_ [24]byte  = [unsafe.Sizeof(GetEventsArg{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(Buf{})]byte{}
	_ [40]byte  = [unsafe.Sizeof(BufReg{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(RecvmsgOut{})]byte{}
	_ [32]byte  = [unsafe.Sizeof(AttrPI{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(IOTimespec{})]byte{}

	_ [8]byte  = [unsafe.Offsetof(SQE{}.Off)]byte{}
	_ [16]byte = [unsafe.Offsetof(SQE{}.Addr)]byte{}
	_ [24]byte = [unsafe.Offsetof(SQE{}.Len)]byte{}
	_ [32]byte = [unsafe.Offsetof(SQE{}.UserData)]byte{}
	_ [40]byte = [unsafe.Offsetof(SQE{}.BufIndex)]byte{}
	_ [44]byte = [unsafe.Offsetof(SQE{}.FileIndex)]byte{}
	_ [48]byte = [unsafe.Offsetof(SQE{}.Addr3)]byte{}
	_ [56]byte = [unsafe.Offsetof(SQE{}.AttrMask)]byte{}
	_ [8]byte  = [unsafe.Offsetof(CQE{}.Res)]byte{}
	_ [20]byte = [unsafe.Offsetof(Params{}.Features)]byte{}
	_ [40]byte = [unsafe.Offsetof(Params{}.SQOff)]byte{}
	_ [80]byte = [unsafe.Offsetof(Params{}.CQOff)]byte{}
	_ [16]byte = [unsafe.Offsetof(GetEventsArg{}.TS)]byte{}
	_ [14]byte = [unsafe.Offsetof(Buf{}.Resv)]byte{}
	_ [12]byte = [unsafe.Offsetof(BufReg{}.Bgid)]byte{}
)
