package uring

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/uapi"
)

// An offer is a capability that the kernel names by a bit, or a request by its
// number, and that no variant has by itself. See opcode for since.
type offer struct {
	name, since, doc string
	bit              uint64
	with             uint32 // flags that a ring needs along with it
	args             uint32 // how many a request of io_uring_register takes
	used             bool   // by a default loop
	unusable         func() string
	fill             func(e *uapi.SQE, fd int32)    // makes a request that bears the flag
	try              func(*ring) (bool, unix.Errno) // where the way of its kind will not do
}

// kinds are all offers, and how one of each kind is tried on an idle ring; see
// attempt.
var kinds = []struct {
	offers []offer
	try    func(*ring, offer) (bool, unix.Errno)
}{
	{setups, trySetup}, {feats, tryFeature}, {enters, tryEnter}, {entries, tryEntry}, {registers, tryRegister}, {arguments, tryArgument},
}

// setups are flags of io_uring_setup.
var setups = []offer{
	{name: "IORING_SETUP_CQSIZE", since: "5.5", bit: uapi.SetupCQSize, used: true, doc: "the size of the completion queue"},
	{name: "IORING_SETUP_CLAMP", since: "5.6", bit: uapi.SetupClamp, used: true, doc: "cuts sizes to what is allowed"},
	{name: "IORING_SETUP_ATTACH_WQ", since: "5.6", bit: uapi.SetupAttachWQ, try: tryAttach, doc: "rings share workers or a polling thread"},
	{name: "IORING_SETUP_R_DISABLED", since: "5.10", bit: uapi.SetupRDisabled, doc: "a ring that begins disabled, to be restricted or given a region"},
	{name: "IORING_SETUP_SUBMIT_ALL", since: "5.18", bit: uapi.SetupSubmitAll, used: true, doc: "submits on after a bad entry"},
	{name: "IORING_SETUP_TASKRUN_FLAG", since: "5.19", bit: uapi.SetupTaskrunFlag, with: uapi.SetupCoopTaskrun, doc: "shows that completions wait to be run"},
	{name: "IORING_SETUP_SQE128", since: "5.19", bit: uapi.SetupSQE128, doc: "submission entries of 128 bytes"},
	{name: "IORING_SETUP_CQE32", since: "5.19", bit: uapi.SetupCQE32, doc: "completion entries of 32 bytes"},
	{name: "IORING_SETUP_REGISTERED_FD_ONLY", since: "6.5", bit: uapi.SetupRegisteredFDOnly, try: tryFDOnly, doc: "a ring that its thread knows by number and that has no descriptor"},
	{name: "IORING_SETUP_NO_SQARRAY", since: "6.6", bit: uapi.SetupNoSQArray, used: true, doc: "no indirection in the submission queue"},
	{name: "IORING_SETUP_CQE_MIXED", since: "6.18", bit: uapi.SetupCQEMixed, doc: "completion entries of 16 and 32 bytes"},
	{name: "IORING_SETUP_SQE_MIXED", since: "6.19", bit: uapi.SetupSQEMixed, doc: "submission entries of 64 and 128 bytes"},
	{name: "IORING_SETUP_SQ_REWIND", since: "7.0", bit: uapi.SetupSQRewind, with: uapi.SetupNoSQArray, doc: "every enter begins at submission entry 0"},
}

// feats are bits that the kernel reports with every ring.
var feats = []offer{
	{name: "IORING_FEAT_SINGLE_MMAP", since: "5.4", bit: uapi.FeatSingleMmap, used: true, doc: "both queues lie in one mapping"},
	{name: "IORING_FEAT_NODROP", since: "5.5", bit: uapi.FeatNoDrop, used: true, doc: "completions that do not fit are kept"},
	{name: "IORING_FEAT_SUBMIT_STABLE", since: "5.5", bit: uapi.FeatSubmitStable, used: true, doc: "what an entry points to besides data is copied on submission"},
	{name: "IORING_FEAT_RW_CUR_POS", since: "5.6", bit: uapi.FeatRWCurPos, doc: "reads and writes at the file's position"},
	{name: "IORING_FEAT_CUR_PERSONALITY", since: "5.6", bit: uapi.FeatCurPersonality, doc: "requests run as the user who submits them"},
	{name: "IORING_FEAT_FAST_POLL", since: "5.7", bit: uapi.FeatFastPoll, used: true, doc: "a request that would block waits for readiness, not in a worker"},
	{name: "IORING_FEAT_POLL_32BITS", since: "5.9", bit: uapi.FeatPoll32bits, doc: "polls take 32 bits of events"},
	{name: "IORING_FEAT_SQPOLL_NONFIXED", since: "5.11", bit: uapi.FeatSQPollNonfixed, doc: "SQPOLL without registered files"},
	{name: "IORING_FEAT_EXT_ARG", since: "5.11", bit: uapi.FeatExtArg, used: true, doc: "a wait has a time limit"},
	{name: "IORING_FEAT_NATIVE_WORKERS", since: "5.12", bit: uapi.FeatNativeWorkers, doc: "workers are threads of the process"},
	{name: "IORING_FEAT_RSRC_TAGS", since: "5.13", bit: uapi.FeatRsrcTags, doc: "registered resources tell when they are free"},
	{name: "IORING_FEAT_CQE_SKIP", since: "5.17", bit: uapi.FeatCQESkip, doc: "requests that complete without an entry where they succeed"},
	{name: "IORING_FEAT_LINKED_FILE", since: "5.17", bit: uapi.FeatLinkedFile, doc: "a linked request finds its file when its turn has come"},
	{name: "IORING_FEAT_REG_REG_RING", since: "6.3", bit: uapi.FeatRegRegRing, doc: "io_uring_register on a registered ring"},
	{name: "IORING_FEAT_RECVSEND_BUNDLE", since: "6.10", bit: uapi.FeatRecvsendBundle, doc: "receives and sends of several buffers"},
	{name: "IORING_FEAT_RW_ATTR", since: "6.14", bit: uapi.FeatRWAttr, doc: "reads and writes with attributes, such as integrity data"},
}

// registers are requests of io_uring_register; bit is the number.
var registers = []offer{
	{name: "IORING_REGISTER_BUFFERS", since: "5.1", bit: uapi.RegisterBuffers, args: 1, doc: "pins buffers once"},
	{name: "IORING_REGISTER_FILES", since: "5.1", bit: uapi.RegisterFiles, args: 1, doc: "files known by index"},
	{name: "IORING_REGISTER_EVENTFD", since: "5.2", bit: uapi.RegisterEventfd, args: 1, doc: "completions signal an eventfd"},
	{name: "IORING_REGISTER_FILES_UPDATE", since: "5.5", bit: uapi.RegisterFilesUpdate, args: 1, doc: "changes registered files"},
	{name: "IORING_REGISTER_EVENTFD_ASYNC", since: "5.6", bit: uapi.RegisterEventfdAsync, args: 1, doc: "the same for those that did not complete at once"},
	{name: "IORING_REGISTER_PROBE", since: "5.6", bit: uapi.RegisterProbe, args: 1, used: true, doc: "asks for opcodes"},
	{name: "IORING_REGISTER_PERSONALITY", since: "5.6", bit: uapi.RegisterPersonality, try: tryPersonality, doc: "requests run as another user"},
	{name: "IORING_REGISTER_RESTRICTIONS", since: "5.10", bit: uapi.RegisterRestrictions, args: 1, doc: "limits what a ring may do"},
	{name: "IORING_REGISTER_ENABLE_RINGS", since: "5.10", bit: uapi.RegisterEnableRings, try: tryEnable, doc: "starts a disabled ring"},
	{name: "IORING_REGISTER_FILES2", since: "5.13", bit: uapi.RegisterFiles2, args: rsrcSize, doc: "files with tags, or a sparse table"},
	{name: "IORING_REGISTER_FILES_UPDATE2", since: "5.13", bit: uapi.RegisterFilesUpdate2, args: rsrcSize, doc: "changes them"},
	{name: "IORING_REGISTER_BUFFERS2", since: "5.13", bit: uapi.RegisterBuffers2, args: rsrcSize, doc: "buffers with tags, or a sparse table"},
	{name: "IORING_REGISTER_BUFFERS_UPDATE", since: "5.13", bit: uapi.RegisterBuffersUpdate, args: rsrcSize, doc: "changes them"},
	{name: "IORING_REGISTER_IOWQ_AFF", since: "5.14", bit: uapi.RegisterIOWQAff, args: 8, doc: "the CPUs of workers"},
	{name: "IORING_REGISTER_SYNC_CANCEL", since: "6.0", bit: uapi.RegisterSyncCancel, args: 1, doc: "cancels and waits for it"},
	{name: "IORING_REGISTER_FILE_ALLOC_RANGE", since: "6.0", bit: uapi.RegisterFileAllocRange, doc: "where direct descriptors are allotted"},
	{name: "IORING_REGISTER_PBUF_STATUS", since: "6.8", bit: uapi.RegisterPbufStatus, args: 1, doc: "where the kernel is in a buffer ring"},
	{name: "IORING_REGISTER_CLOCK", since: "6.12", bit: uapi.RegisterClock, doc: "the clock of waits"},
	{name: "IORING_REGISTER_CLONE_BUFFERS", since: "6.12", bit: uapi.RegisterCloneBuffers, args: 1, doc: "rings share registered buffers"},
	{name: "IORING_REGISTER_SEND_MSG_RING", since: "6.13", bit: uapi.RegisterSendMsgRing, try: trySendMsg, doc: "MSG_RING from a thread without a ring"},
	{name: "IORING_REGISTER_RESIZE_RINGS", since: "6.13", bit: uapi.RegisterResizeRings, args: 1, with: uapi.SetupSingleIssuer | uapi.SetupDeferTaskrun, doc: "changes the size of the queues"},
	{name: "IORING_REGISTER_ZCRX_IFQ", since: "6.15", bit: uapi.RegisterZCRXIFQ, args: 1, with: uapi.SetupSingleIssuer | uapi.SetupDeferTaskrun | uapi.SetupCQE32, doc: "a network device's queue for RECV_ZC", unusable: noReceiveQueue},
	{name: "IORING_REGISTER_QUERY", since: "6.18", bit: uapi.RegisterQuery, used: true, doc: "asks for everything"},
	{name: "IORING_REGISTER_ZCRX_CTRL", since: "6.19", bit: uapi.RegisterZCRXCtrl, doc: "controls such a queue", unusable: noReceiveQueue},
	{name: "IORING_REGISTER_BPF_FILTER", since: "7.0", bit: uapi.RegisterBPFFilter, args: 1, doc: "a BPF program judges submissions"},
}

// enters are flags of io_uring_enter.
var enters = []offer{
	{name: "IORING_ENTER_GETEVENTS", since: "5.1", bit: uapi.EnterGetEvents, used: true, doc: "waits for completions"},
	{name: "IORING_ENTER_SQ_WAKEUP", since: "5.1", bit: uapi.EnterSQWakeup, doc: "wakes the polling thread"},
	{name: "IORING_ENTER_SQ_WAIT", since: "5.10", bit: uapi.EnterSQWait, doc: "waits for room in the submission queue"},
	{name: "IORING_ENTER_ABS_TIMER", since: "6.12", bit: uapi.EnterAbsTimer, doc: "the limit of a wait is a point in time"},
}

// entries are flags of a submission entry.
var entries = []offer{
	{name: "IOSQE_IO_DRAIN", since: "5.2", bit: uapi.SQEIODrain, doc: "begins when all before it is complete"},
	{name: "IOSQE_IO_HARDLINK", since: "5.5", bit: uapi.SQEIOHardlink, doc: "a link that a failure does not break"},
	{name: "IOSQE_BUFFER_SELECT", since: "5.7", bit: uapi.SQEBufferSelect, used: true, doc: "the kernel chooses the buffer"},
}

// arguments are flags of single requests.
var arguments = []offer{
	{name: "IORING_ACCEPT_DONTWAIT", since: "6.10", fill: accepting(uapi.AcceptDontWait), doc: "an accept that does not wait"},
	{name: "IORING_ACCEPT_POLL_FIRST", since: "6.10", fill: accepting(uapi.AcceptPollFirst), doc: "an accept waits for a connection before it tries"},
	{name: "IORING_SEND_VECTORIZED", since: "6.17", fill: sendingVector, doc: "a send from several buffers without a message header"},
	{name: "IORING_POLL_ADD_LEVEL", since: "6.0", fill: polling(uapi.PollAddLevel), doc: "a poll tells of a state, not of a change; withdrawn again"},
	{name: "IORING_TIMEOUT_ABS", since: "5.4", fill: timing(uapi.TimeoutAbs), doc: "the time of a timeout is a point in time"},
	{name: "IORING_TIMEOUT_BOOTTIME", since: "5.15", fill: timing(uapi.TimeoutBoottime), doc: "by the clock that runs on while the machine sleeps"},
	{name: "IORING_TIMEOUT_REALTIME", since: "5.15", fill: timing(uapi.TimeoutRealtime), doc: "by the wall clock"},
	{name: "IORING_TIMEOUT_ETIME_SUCCESS", since: "5.16", fill: timing(uapi.TimeoutEtimeSuccess), doc: "a timeout that fires breaks no chain"},
	{name: "IORING_TIMEOUT_MULTISHOT", since: "6.4", fill: timing(uapi.TimeoutMultishot), doc: "a timeout that stays armed"},
	{name: "IORING_TIMEOUT_IMMEDIATE_ARG", since: "7.1", fill: timingAtOnce, doc: "the time stands in the entry itself"},
	{name: "IORING_TIMEOUT_UPDATE", since: "5.11", fill: retiming(uapi.TimeoutUpdate), doc: "changes a timeout"},
	{name: "IORING_LINK_TIMEOUT_UPDATE", since: "5.15", fill: retiming(uapi.LinkTimeoutUpdate), doc: "changes a link timeout"},
	{name: "IORING_ASYNC_CANCEL_ALL", since: "5.19", fill: cancelling(uapi.AsyncCancelAll), used: true, doc: "cancels all that match"},
	{name: "IORING_ASYNC_CANCEL_FD", since: "5.19", fill: cancelling(uapi.AsyncCancelFD), used: true, doc: "matches by descriptor"},
	{name: "IORING_ASYNC_CANCEL_ANY", since: "5.19", fill: cancelling(uapi.AsyncCancelAny), used: true, doc: "matches every request"},
	{name: "IORING_ASYNC_CANCEL_FD_FIXED", since: "6.0", fill: cancelling(uapi.AsyncCancelFD | uapi.AsyncCancelFDFixed), doc: "matches by registered file"},
	{name: "IORING_ASYNC_CANCEL_USERDATA", since: "6.6", fill: cancelling(uapi.AsyncCancelUserData), doc: "matches by user_data along with other things"},
	{name: "IORING_ASYNC_CANCEL_OP", since: "6.6", fill: cancelling(uapi.AsyncCancelOp), doc: "matches by operation"},
	{name: "IOU_PBUF_RING_MMAP", since: "6.4", try: tryMappedRing, doc: "the kernel has the memory of a buffer ring"},
}
