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

	ZCRXCtrlFlushRQ = 0 // ZCRXCtrl.Op
	ZCRXCtrlExport  = 1
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
	_         [3]uint64
}

// ZCRXCtrl is the argument of RegisterZCRXCtrl: struct zcrx_ctrl.
type ZCRXCtrl struct {
	ZCRXID   uint32
	Op       uint32
	_        [2]uint64
	ExportFD uint32 // struct zcrx_ctrl_export; struct zcrx_ctrl_flush_rq has nothing
	_        [11]uint32
}

var (
	_ [16]byte = [unsafe.Sizeof(ZCRXRQE{})]byte{}
	_ [16]byte = [unsafe.Sizeof(ZCRXCQE{})]byte{}
	_ [32]byte = [unsafe.Sizeof(ZCRXOffsets{})]byte{}
	_ [48]byte = [unsafe.Sizeof(ZCRXAreaReg{})]byte{}
	_ [96]byte = [unsafe.Sizeof(ZCRXIFQReg{})]byte{}
	_ [72]byte = [unsafe.Sizeof(ZCRXCtrl{})]byte{}
)
