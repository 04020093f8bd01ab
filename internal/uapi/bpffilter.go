package uapi

import "unsafe"

// Flags and commands of filters on requests (linux/io_uring/bpf_filter.h).
const (
	BPFCmdFilter      = 1      // BPF.CmdType
	BPFFilterDenyRest = 1      // BPFFilter.Flags
	BPFFilterSzStrict = 1 << 1 // BPFFilter.Flags
)

// BPFCtx is what a filter sees of a request: struct io_uring_bpf_ctx.
type BPFCtx struct {
	UserData uint64
	Opcode   uint8
	SQEFlags uint8
	PDUSize  uint8 // of Aux
	_        [5]uint8
	// Aux is family, type and protocol of OpSocket (uint32 each), flags, mode
	// and resolve of OpOpenat and OpOpenat2, or family (uint32), port (uint16)
	// and from byte 8 on the address of OpConnect.
	Aux [3]uint64
}

// BPFFilter is a classic BPF program for one opcode: struct io_uring_bpf_filter.
type BPFFilter struct {
	Opcode    uint32
	Flags     uint32
	FilterLen uint32 // instructions
	PDUSize   uint8
	_         [3]uint8
	FilterPtr uint64
	_         [5]uint64
}

// BPF is the argument of RegisterBPFFilter: struct io_uring_bpf.
type BPF struct {
	CmdType  uint16
	CmdFlags uint16
	_        uint32
	Filter   BPFFilter
}

var (
	_ [40]byte = [unsafe.Sizeof(BPFCtx{})]byte{}
	_ [64]byte = [unsafe.Sizeof(BPFFilter{})]byte{}
	_ [72]byte = [unsafe.Sizeof(BPF{})]byte{}
)
