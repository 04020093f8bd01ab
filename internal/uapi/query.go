package uapi

import "unsafe"

// What RegisterQuery can be asked, in QueryHdr.QueryOp (linux/io_uring/query.h).
const (
	QueryOpcodes   = 0
	QueryZCRX      = 1
	QuerySCQ       = 2
	QueryZCRXEvent = 3
)

// QueryHdr is the argument of RegisterQuery, one of a chain: struct io_uring_query_hdr.
type QueryHdr struct {
	Next   uint64 // address of another QueryHdr, or 0
	Data   uint64 // address of the answer
	Op     uint32 // Query*
	Size   uint32 // of the answer: what there is room for, then what was written
	Result int32  // 0 or -errno
	_      [3]uint32
}

// QueryOpcode is the answer to QueryOpcodes: struct io_uring_query_opcode.
type QueryOpcode struct {
	RequestOps  uint32 // opcodes of a submission entry, from 0
	RegisterOps uint32 // requests of Register, from 0
	Features    uint64 // Feat*
	SetupFlags  uint64 // Setup*
	EnterFlags  uint64 // Enter*
	SQEFlags    uint64 // SQE*
	Queries     uint32 // Query*, from 0
	_           uint32
}

// QueryZCRXInfo is the answer to QueryZCRX: struct io_uring_query_zcrx.
type QueryZCRXInfo struct {
	RegisterFlags  uint64 // ZCRXReg*
	AreaFlags      uint64 // ZCRXArea*
	CtrlOps        uint32
	Features       uint32 // ZCRXFeature*
	RQHdrSize      uint32
	RQHdrAlignment uint32
	_              uint64
}

// QueryZCRXEventInfo is the answer to QueryZCRXEvent: struct io_uring_query_zcrx_event.
type QueryZCRXEventInfo struct {
	Events         uint32 // 1<<ZCRXEvent*
	StatsSize      uint32
	StatsAlignment uint32 // of ZCRXEventDesc.StatsOffset
	_              uint32
	_              [4]uint64
}

// QuerySCQInfo is the answer to QuerySCQ: struct io_uring_query_scq.
type QuerySCQInfo struct {
	HdrSize      uint64
	HdrAlignment uint64
}

var (
	_ [40]byte = [unsafe.Sizeof(QueryHdr{})]byte{}
	_ [48]byte = [unsafe.Sizeof(QueryOpcode{})]byte{}
	_ [40]byte = [unsafe.Sizeof(QueryZCRXInfo{})]byte{}
	_ [48]byte = [unsafe.Sizeof(QueryZCRXEventInfo{})]byte{}
	_ [16]byte = [unsafe.Sizeof(QuerySCQInfo{})]byte{}
)
