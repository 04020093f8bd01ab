package uapi

import "unsafe"

// RegWait is one set of arguments of Enter with EnterExtArgReg, in memory that
// RegisterMemRegion made known: struct io_uring_reg_wait.
type RegWait struct {
	TS          Timespec
	MinWaitUsec uint32
	Flags       uint32 // RegWaitTS
	Sigmask     uint64
	SigmaskSize uint32
	_           [3]uint32
	_           [2]uint64
}

// RegionDesc describes memory shared with the kernel: struct io_uring_region_desc.
type RegionDesc struct {
	UserAddr   uint64
	Size       uint64
	Flags      uint32 // MemRegionTypeUser
	ID         uint32
	MmapOffset uint64
	_          [4]uint64
}

// MemRegionReg is the argument of RegisterMemRegion: struct io_uring_mem_region_reg.
type MemRegionReg struct {
	Region uint64 // address of a RegionDesc
	Flags  uint64 // MemRegionRegWaitArg
	_      [2]uint64
}

// Requests of RegisterNAPI, in NAPI.Opcode, and who lists what is to be polled.
const (
	NAPIRegisterOp  = 0
	NAPIStaticAddID = 1
	NAPIStaticDelID = 2

	NAPITrackingDynamic  = 0
	NAPITrackingStatic   = 1
	NAPITrackingInactive = 255
)

// NAPI is the argument of RegisterNAPI and UnregisterNAPI: struct io_uring_napi.
type NAPI struct {
	BusyPollUsec   uint32
	PreferBusyPoll uint8
	Opcode         uint8
	_              [2]uint8
	OpParam        uint32 // NAPITracking* of NAPIRegisterOp, a NAPI id of the others
	_              uint32
}

var (
	_ [64]byte = [unsafe.Sizeof(RegWait{})]byte{}
	_ [64]byte = [unsafe.Sizeof(RegionDesc{})]byte{}
	_ [32]byte = [unsafe.Sizeof(MemRegionReg{})]byte{}
	_ [16]byte = [unsafe.Sizeof(NAPI{})]byte{}
)
