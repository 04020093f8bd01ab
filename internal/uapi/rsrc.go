package uapi

import "unsafe"

// RsrcRegister is the argument of RegisterFiles2 and RegisterBuffers2: struct io_uring_rsrc_register.
type RsrcRegister struct {
	Nr    uint32
	Flags uint32 // RsrcRegisterSparse
	_     uint64
	Data  uint64 // address of descriptors (int32) or iovecs
	Tags  uint64 // address of a uint64 each, or 0
}

// RsrcUpdate is the argument of RegisterRingFDs and RegisterFilesUpdate: struct
// io_uring_rsrc_update, and in the latter use also struct io_uring_files_update.
type RsrcUpdate struct {
	Offset uint32 // slot; ^0 lets the kernel choose one
	_      uint32
	Data   uint64
}

// RsrcUpdate2 is the argument of RegisterFilesUpdate2 and RegisterBuffersUpdate: struct io_uring_rsrc_update2.
type RsrcUpdate2 struct {
	Offset uint32
	_      uint32
	Data   uint64
	Tags   uint64
	Nr     uint32
	_      uint32
}

// FileIndexRange is the argument of RegisterFileAllocRange, slots Off to
// Off+Len-1: struct io_uring_file_index_range.
type FileIndexRange struct {
	Off uint32
	Len uint32
	_   uint64
}

// CloneBuffers is the argument of RegisterCloneBuffers: struct io_uring_clone_buffers.
type CloneBuffers struct {
	SrcFD  uint32
	Flags  uint32 // RegisterSrcRegistered, RegisterDstReplace
	SrcOff uint32
	DstOff uint32
	Nr     uint32
	_      [3]uint32
}

// BufStatus is the argument of RegisterPbufStatus: struct io_uring_buf_status.
type BufStatus struct {
	BufGroup uint32 // asked
	Head     uint32 // answered
	_        [8]uint32
}

// ClockRegister is the argument of RegisterClock: struct io_uring_clock_register.
type ClockRegister struct {
	ClockID uint32
	_       [3]uint32
}

// SyncCancelReg is the argument of RegisterSyncCancel: struct io_uring_sync_cancel_reg.
type SyncCancelReg struct {
	Addr    uint64 // user_data
	FD      int32
	Flags   uint32 // AsyncCancel*
	Timeout Timespec
	Opcode  uint8
	_       [7]uint8
	_       [3]uint64
}

// A Restriction is one of those that RegisterRestrictions takes: struct io_uring_restriction.
type Restriction struct {
	Opcode uint16 // Restriction*
	Arg    uint8  // the request of Register, the opcode or the flags that it is about
	_      uint8
	_      [3]uint32
}

// TaskRestriction is the head of a list of Nr Restrictions that hold for a
// whole task: struct io_uring_task_restriction.
type TaskRestriction struct {
	Flags uint16
	Nr    uint16
	_     [3]uint32
}

// A ProbeOp tells about one opcode: struct io_uring_probe_op.
type ProbeOp struct {
	Op    uint8
	_     uint8
	Flags uint16 // ProbeOpSupported
	_     uint32
}

// Probe is the argument of RegisterProbe: struct io_uring_probe, with room for every opcode.
type Probe struct {
	LastOp uint8
	OpsLen uint8
	_      uint16
	_      [3]uint32
	Ops    [256]ProbeOp
}

// Has reports whether the kernel that filled p knows the opcode.
func (p *Probe) Has(op uint8) bool { return p.Ops[op].Flags&ProbeOpSupported != 0 }

var (
	_ [32]byte = [unsafe.Sizeof(RsrcRegister{})]byte{}
	_ [16]byte = [unsafe.Sizeof(RsrcUpdate{})]byte{}
	_ [32]byte = [unsafe.Sizeof(RsrcUpdate2{})]byte{}
	_ [16]byte = [unsafe.Sizeof(FileIndexRange{})]byte{}
	_ [32]byte = [unsafe.Sizeof(CloneBuffers{})]byte{}
	_ [40]byte = [unsafe.Sizeof(BufStatus{})]byte{}
	_ [16]byte = [unsafe.Sizeof(ClockRegister{})]byte{}
	_ [64]byte = [unsafe.Sizeof(SyncCancelReg{})]byte{}
	_ [16]byte = [unsafe.Sizeof(Restriction{})]byte{}
	_ [16]byte = [unsafe.Sizeof(TaskRestriction{})]byte{}
	_ [8]byte  = [unsafe.Sizeof(ProbeOp{})]byte{}
	_ [16]byte = [unsafe.Offsetof(Probe{}.Ops)]byte{}
)
