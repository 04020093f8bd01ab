package uapi

// Flags of Setup, in Params.Flags.
const (
	SetupIOPoll           = 1 << 0
	SetupSQPoll           = 1 << 1
	SetupSQAff            = 1 << 2
	SetupCQSize           = 1 << 3
	SetupClamp            = 1 << 4
	SetupAttachWQ         = 1 << 5
	SetupRDisabled        = 1 << 6
	SetupSubmitAll        = 1 << 7
	SetupCoopTaskrun      = 1 << 8
	SetupTaskrunFlag      = 1 << 9
	SetupSQE128           = 1 << 10
	SetupCQE32            = 1 << 11
	SetupSingleIssuer     = 1 << 12
	SetupDeferTaskrun     = 1 << 13
	SetupNoMmap           = 1 << 14
	SetupRegisteredFDOnly = 1 << 15
	SetupNoSQArray        = 1 << 16
	SetupHybridIOPoll     = 1 << 17
	SetupCQEMixed         = 1 << 18
	SetupSQEMixed         = 1 << 19
	SetupSQRewind         = 1 << 20
)

// Features that Setup reports in Params.Features.
const (
	FeatSingleMmap     = 1 << 0
	FeatNoDrop         = 1 << 1
	FeatSubmitStable   = 1 << 2
	FeatRWCurPos       = 1 << 3
	FeatCurPersonality = 1 << 4
	FeatFastPoll       = 1 << 5
	FeatPoll32bits     = 1 << 6
	FeatSQPollNonfixed = 1 << 7
	FeatExtArg         = 1 << 8
	FeatNativeWorkers  = 1 << 9
	FeatRsrcTags       = 1 << 10
	FeatCQESkip        = 1 << 11
	FeatLinkedFile     = 1 << 12
	FeatRegRegRing     = 1 << 13
	FeatRecvsendBundle = 1 << 14
	FeatMinTimeout     = 1 << 15
	FeatRWAttr         = 1 << 16
	FeatNoIOWait       = 1 << 17
)

// Flags of Enter.
const (
	EnterGetEvents      = 1 << 0
	EnterSQWakeup       = 1 << 1
	EnterSQWait         = 1 << 2
	EnterExtArg         = 1 << 3
	EnterRegisteredRing = 1 << 4
	EnterAbsTimer       = 1 << 5
	EnterExtArgReg      = 1 << 6
	EnterNoIOWait       = 1 << 7
)

// State of the submission ring that the kernel shows at SQRingOffsets.Flags.
const (
	SQNeedWakeup = 1 << 0
	SQCQOverflow = 1 << 1
	SQTaskrun    = 1 << 2
)

// State of the completion ring, set by the program at CQRingOffsets.Flags.
const (
	CQEventfdDisabled = 1 << 0
)

// Offsets for mmap of a ring descriptor.
const (
	OffSQRing    = 0x0
	OffCQRing    = 0x8000000
	OffSQEs      = 0x10000000
	OffPbufRing  = 0x80000000
	OffPbufShift = 16
	OffMmapMask  = 0xf8000000
)

// Flags of a submission entry, in SQE.Flags.
const (
	SQEFixedFile      = 1 << 0
	SQEIODrain        = 1 << 1
	SQEIOLink         = 1 << 2
	SQEIOHardlink     = 1 << 3
	SQEAsync          = 1 << 4
	SQEBufferSelect   = 1 << 5
	SQECQESkipSuccess = 1 << 6
)

// Flags of a completion entry. With CQEFBuffer the buffer is Flags >> CQEBufferShift.
const (
	CQEFBuffer       = 1 << 0
	CQEFMore         = 1 << 1
	CQEFSockNonempty = 1 << 2
	CQEFNotif        = 1 << 3
	CQEFBufMore      = 1 << 4
	CQEFSkip         = 1 << 5
	CQEF32           = 1 << 15

	CQEBufferShift = 16
)

// What the completion of SocketTxTimestamp has in its flags: whether the network
// card took the time, and from CQETimestampTypeShift on which moment it is.
const (
	CQEFTimestampHW       = 1 << 16
	CQETimestampHWShift   = 16
	CQETimestampTypeShift = 17
)

// FileIndexAlloc, in SQE.FileIndex, lets the kernel choose the slot of the file
// table for a new direct descriptor. Any other slot n is written as n+1.
const FileIndexAlloc = 1<<32 - 1

// Modifiers of send and receive, in SQE.Ioprio.
const (
	RecvSendPollFirst = 1 << 0
	RecvSendFixedBuf  = 1 << 2
	RecvSendBundle    = 1 << 4

	RecvMultishot = 1 << 1

	SendZCReportUsage = 1 << 3
	SendVectorized    = 1 << 5

	NotifUsageZCCopied = 1 << 31
)

// Modifiers of accept, in SQE.Ioprio.
const (
	AcceptMultishot = 1 << 0
	AcceptDontWait  = 1 << 1
	AcceptPollFirst = 1 << 2
)

// Flags of OpAsyncCancel, in SQE.OpFlags.
const (
	AsyncCancelAll      = 1 << 0
	AsyncCancelFD       = 1 << 1
	AsyncCancelAny      = 1 << 2
	AsyncCancelFDFixed  = 1 << 3
	AsyncCancelUserData = 1 << 4
	AsyncCancelOp       = 1 << 5
)

// Flags of OpTimeout and OpLinkTimeout, in SQE.OpFlags.
const (
	TimeoutAbs          = 1 << 0
	TimeoutUpdate       = 1 << 1
	TimeoutBoottime     = 1 << 2
	TimeoutRealtime     = 1 << 3
	TimeoutEtimeSuccess = 1 << 5
	TimeoutMultishot    = 1 << 6
	TimeoutImmediateArg = 1 << 7
	TimeoutClockMask    = 0xc
	TimeoutUpdateMask   = 0x12

	LinkTimeoutUpdate = 1 << 4
)

// SpliceFDInFixed, in SQE.OpFlags of OpSplice and OpTee beside the flags of
// splice(2), says that SQE.FileIndex is a direct descriptor.
const SpliceFDInFixed = 1 << 31

// Flags of OpPollAdd, and of OpPollRemove where it is to update, in SQE.Len.
const (
	PollAddMulti       = 1 << 0
	PollUpdateEvents   = 1 << 1
	PollUpdateUserData = 1 << 2
	PollAddLevel       = 1 << 3
)

// Flags of the lesser operations, in SQE.OpFlags.
const (
	FsyncDatasync = 1 << 0

	UringCmdFixed     = 1 << 0
	UringCmdMultishot = 1 << 1
	UringCmdMask      = 0x3

	NopInjectResult = 1 << 0
	NopFile         = 1 << 1
	NopFixedFile    = 1 << 2
	NopFixedBuffer  = 1 << 3
	NopTW           = 1 << 4
	NopCQE32        = 1 << 5

	FixedFDNoCloexec = 1 << 0

	RWAttrFlagPI = 1 << 0 // in SQE.AttrMask: SQE.Addr3 points to an AttrPI
)

// Commands of OpUringCmd on a socket, in the lower half of SQE.Off.
const (
	SocketSiocinq     = 0
	SocketSiocoutq    = 1
	SocketGetsockopt  = 2
	SocketSetsockopt  = 3
	SocketTxTimestamp = 4
	SocketGetsockname = 5
)

// OpMsgRing: commands, in SQE.Addr (MsgData, MsgSendFD), and flags.
const (
	MsgData          = 0
	MsgSendFD        = 1
	MsgRingCQESkip   = 1
	MsgRingFlagsPass = 2
)
