package uapi

import "unsafe"

// Flags and commands of zero-copy receive, which needs a queue of a network card
// that splits headers from data.
const (
	ZCRXAreaDMABuf = 1  // ZCRXAreaReg.Flags
	ZCRXAreaShift  = 48 // offsets carry the area from this bit on
	ZCRXAreaMask   = 0xffff << ZCRXAreaShift

	ZCRXRegImport = 1 // ZCRXIFQReg.Flags
	ZCRXRegNoDev  = 2

	ZCRXFeatureRXPageSize = 1 << 0
	ZCRXFeatureEvent      = 1 << 1

	ZCRXEventAllocFail = 0 // a bit of ZCRXEventDesc.TypeMask
	ZCRXEventCopy      = 1

	ZCRXEventDescFlagStats = 1 << 0 // ZCRXEventDesc.Flags

	ZCRXCtrlFlushRQ  = 0 // ZCRXCtrl.Op
	ZCRXCtrlExport   = 1
	ZCRXCtrlArmEvent = 2
	ZCRXCtrlAddArea  = 3
)

// ZCRXRQE is an entry of the refill queue: struct io_uring_zcrx_rqe.
type ZCRXRQE struct {
	Off uint64
	Len uint32
	_   uint32
}

// ZCRXCQE is the second half of a completion of OpRecvZC: struct io_uring_zcrx_cqe.
type ZCRXCQE struct {
	Off uint64
	_   uint64
}

// ZCRXOffsets says where things lie in the refill queue: struct io_uring_zcrx_offsets.
type ZCRXOffsets struct {
	Head uint32
	Tail uint32
	RQEs uint32
	_    uint32
	_    [2]uint64
}

// ZCRXAreaReg is the memory to receive into: struct io_uring_zcrx_area_reg.
type ZCRXAreaReg struct {
	Addr        uint64
	Len         uint64
	RQAreaToken uint64
	Flags       uint32
	DMABufFD    uint32
	_           [2]uint64
}

// ZCRXIFQReg is the argument of RegisterZCRXIFQ: struct io_uring_zcrx_ifq_reg.
type ZCRXIFQReg struct {
	IfIdx     uint32
	IfRXQ     uint32
	RQEntries uint32
	Flags     uint32
	AreaPtr   uint64 // address of a ZCRXAreaReg
	RegionPtr uint64 // address of a RegionDesc
	Offsets   ZCRXOffsets
	ZCRXID    uint32
	RXBufLen  uint32
	EventDesc uint64 // address of a ZCRXEventDesc
	_         [2]uint64
}

// ZCRXEventDesc asks for completions of events: struct zcrx_event_desc.
type ZCRXEventDesc struct {
	UserData    uint64
	TypeMask    uint32
	Flags       uint32
	StatsOffset uint64 // of a ZCRXStats in the region of the refill queue
	_           [9]uint64
}

// ZCRXStats counts what was copied after all: struct zcrx_stats.
type ZCRXStats struct {
	CopyCount uint64
	CopyBytes uint64
}

// ZCRXCtrl is the argument of RegisterZCRXCtrl: struct zcrx_ctrl.
type ZCRXCtrl struct {
	ZCRXID uint32
	Op     uint32
	_      [2]uint64
	Arg    [6]uint64 // a ZCRXExport, ZCRXArmEvent or ZCRXAddArea; zero for ZCRXCtrlFlushRQ
}

// ZCRXExport is what ZCRXCtrlExport gives back: struct zcrx_ctrl_export.
type ZCRXExport struct {
	FD uint32
	_  [11]uint32
}

// ZCRXArmEvent is what ZCRXCtrlArmEvent takes: struct zcrx_ctrl_arm_event.
type ZCRXArmEvent struct {
	Type uint32 // ZCRXEvent*
	_    [11]uint32
}

// ZCRXAddArea is what ZCRXCtrlAddArea takes: struct zcrx_ctrl_add_area.
type ZCRXAddArea struct {
	AreaPtr uint64 // address of a ZCRXAreaReg
	_       [5]uint64
}

var (
	_ [16]byte = [unsafe.Sizeof(ZCRXRQE{})]byte{}
	_ [16]byte = [unsafe.Sizeof(ZCRXCQE{})]byte{}
	_ [32]byte = [unsafe.Sizeof(ZCRXOffsets{})]byte{}
	_ [48]byte = [unsafe.Sizeof(ZCRXAreaReg{})]byte{}
	_ [96]byte = [unsafe.Sizeof(ZCRXIFQReg{})]byte{}
	_ [96]byte = [unsafe.Sizeof(ZCRXEventDesc{})]byte{}
	_ [16]byte = [unsafe.Sizeof(ZCRXStats{})]byte{}
	_ [72]byte = [unsafe.Sizeof(ZCRXCtrl{})]byte{}
	_ [48]byte = [unsafe.Sizeof(ZCRXExport{})]byte{}
	_ [48]byte = [unsafe.Sizeof(ZCRXArmEvent{})]byte{}
	_ [48]byte = [unsafe.Sizeof(ZCRXAddArea{})]byte{}
)
