package uapi

import "unsafe"

// What RegisterQuery can be asked, in QueryHdr.QueryOp (linux/io_uring/query.h).
const (
	QueryOpcodes = 0
	QueryZCRX    = 1
	QuerySCQ     = 2
)

// QueryHdr is the argument of RegisterQuery, one of a chain: struct io_uring_query_hdr.
type QueryHdr struct {
	NextEntry uint64 // address of the next, or 0
	QueryData uint64 // address of the answer
	QueryOp   uint32
	Size      uint32 // of the answer: what there is room for, then what was written
	Result    int32  // 0 or -errno
	_         [3]uint32
}

// QueryOpcode is the answer to QueryOpcodes: struct io_uring_query_opcode.
type QueryOpcode struct {
	NrRequestOpcodes  uint32
	NrRegisterOpcodes uint32
	FeatureFlags      uint64
	RingSetupFlags    uint64
	EnterFlags        uint64
	SQEFlags          uint64
	NrQueryOpcodes    uint32
	_                 uint32
}

// QueryZCRXInfo is the answer to QueryZCRX: struct io_uring_query_zcrx.
type QueryZCRXInfo struct {
	RegisterFlags  uint64 // ZCRXReg*
	AreaFlags      uint64 // ZCRXArea*
	NrCtrlOpcodes  uint32
	Features       uint32 // ZCRXFeature*
	RQHdrSize      uint32
	RQHdrAlignment uint32
	_              uint64
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
	_ [16]byte = [unsafe.Sizeof(QuerySCQInfo{})]byte{}
)
