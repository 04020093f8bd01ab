package uapi

// The requests of Register, and what some of them take.
const (
	RegisterBuffers           = 0
	RegisterFiles             = 2
	RegisterEventfd           = 4
	RegisterFilesUpdate       = 6
	RegisterEventfdAsync      = 7
	RegisterProbe             = 8
	RegisterPersonality       = 9
	RegisterRestrictions      = 11
	RegisterEnableRings       = 12
	RegisterFiles2            = 13
	RegisterFilesUpdate2      = 14
	RegisterBuffers2          = 15
	RegisterBuffersUpdate     = 16
	RegisterIOWQAff           = 17
	RegisterIOWQMaxWorkers    = 19
	RegisterRingFDs           = 20
	RegisterPbufRing          = 22
	RegisterSyncCancel        = 24
	RegisterFileAllocRange    = 25
	RegisterPbufStatus        = 26
	RegisterNAPI              = 27
	RegisterClock             = 29
	RegisterCloneBuffers      = 30
	RegisterSendMsgRing       = 31
	RegisterZCRXIFQ           = 32
	RegisterResizeRings       = 33
	RegisterMemRegion         = 34
	RegisterQuery             = 35
	RegisterZCRXCtrl          = 36
	RegisterBPFFilter         = 37
	RegisterUseRegisteredRing = 1 << 31
	RegisterFilesSkip         = -2
	RegisterSrcRegistered     = 1
	RegisterDstReplace        = 2

	UnregisterBuffers     = 1
	UnregisterFiles       = 3
	UnregisterEventfd     = 5
	UnregisterPersonality = 10
	UnregisterIOWQAff     = 18
	UnregisterRingFDs     = 21
	UnregisterPbufRing    = 23
	UnregisterNAPI        = 28
)

// Flags of BufReg.
const (
	PbufRingMmap = 1 << 0
	PbufRingInc  = 1 << 1
)

// Other arguments of Register.
const (
	RsrcRegisterSparse = 1 << 0

	ProbeOpSupported = 1 << 0

	RegWaitTS = 1 << 0

	RestrictionRegisterOp       = 0
	RestrictionSQEOp            = 1
	RestrictionSQEFlagsAllowed  = 2
	RestrictionSQEFlagsRequired = 3

	MemRegionTypeUser   = 1
	MemRegionRegWaitArg = 1

	IOWQBound   = 0 // workers for work that ends in bounded time: files
	IOWQUnbound = 1 // and for the rest: sockets
)
