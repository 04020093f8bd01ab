package uring

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// What concerns how a loop submits and waits, and how its ring is made.
const (
	sqIdle     caps = 1 << (32 + iota) // the polling thread's patience
	sqCPU                              // the polling thread's CPU
	naive                              // an enter for every op
	batching                           // wait for several completions
	minWait                            // gather completions for a while
	regWait                            // the arguments of waits are registered
	napi                               // poll the network device while waiting
	ioPoll                             // poll the block device for completions
	hybridPoll                         // sleep a while, then poll it
	async                              // hand requests to kernel workers
	iowqMax                            // bound the kernel workers
	ownMemory                          // the ring lies in memory of ours
	noIOWait                           // a waiting loop does not count as waiting for I/O
	regFiles                           // descriptors in use are registered
	msgRing                            // connections go from loop to loop
	holding                            // no op enters the kernel by itself
)

// waiting are those of them that only a variant that names them uses: all.
const waiting = sqIdle | sqCPU | naive | batching | minWait | regWait | napi | ioPoll | hybridPoll | async | iowqMax | ownMemory | noIOWait | regFiles | msgRing | holding

var waitFeatures = []feature{
	{name: "sqidle", bits: sqIdle, sample: "10ms", with: "+sqpoll",
		doc: "how long the polling thread spins without work before it sleeps", since: "IORING_SETUP_SQPOLL, Linux 5.11"},
	{name: "sqcpu", bits: sqCPU, sample: "0", with: "+sqpoll",
		doc: "the CPU of the polling thread", since: "IORING_SETUP_SQ_AFF, Linux 5.1"},
	{name: "naive", bits: naive,
		doc: "enters the kernel for every op, as a program does that was ported call by call", since: "io_uring_enter, Linux 5.1"},
	{name: "hold", bits: holding, on: backends.Kinds(backends.Prompt, backends.ReadAt, backends.WriteAt),
		doc: "ops with the flag Prompt go to the kernel with all others at the next wait, too", since: "io_uring_enter, Linux 5.1"},
	{name: "batch", bits: batching, sample: "8",
		doc: "waits for so many completions, or for one and a millisecond", since: "min_complete with IORING_FEAT_EXT_ARG, Linux 5.11"},
	{name: "minwait", bits: minWait, sample: "50us",
		doc: "gathers completions for so long before it takes fewer than batch, or than it has room for", since: "IORING_FEAT_MIN_TIMEOUT, Linux 6.12"},
	{name: "regwait", bits: regWait, on: []backends.Kind{}, // but on the waits of Loop.Wait with a timeout
		doc: "the arguments of waits with a time limit lie in registered memory", since: "IORING_REGISTER_MEM_REGION and IORING_ENTER_EXT_ARG_REG, Linux 6.13"},
	{name: "napi", bits: napi, sample: "50us", unusable: noNAPI,
		doc: "polls the network device for so long before it sleeps", since: "IORING_REGISTER_NAPI, Linux 6.9"},
	{name: "iopoll", bits: ioPoll, refusal: noIOPoll,
		doc: "polls the block device for completions instead of awaiting its interrupt", since: "IORING_SETUP_IOPOLL, Linux 5.1"},
	{name: "hybridiopoll", bits: hybridPoll, refusal: noIOPoll,
		doc: "sleeps for a part of the expected time, then polls the block device", since: "IORING_SETUP_HYBRID_IOPOLL, Linux 6.13"},
	{name: "async", bits: async, on: handed,
		doc: "hands every request of a socket or a file to a worker thread of the kernel; takes the place of bufring and multishot", since: "IOSQE_ASYNC, Linux 5.6, and IORING_ASYNC_CANCEL_FD, Linux 5.19"},
	{name: "iowq", bits: iowqMax, sample: "2", on: needWorkers,
		doc: "no more than so many worker threads of the kernel, of either kind", since: "IORING_REGISTER_IOWQ_MAX_WORKERS, Linux 5.15"},
	{name: "hugepage", bits: ownMemory, unusable: noHugePage,
		doc: "the ring lies in a huge page", since: "IORING_SETUP_NO_MMAP, Linux 6.5"},
	{name: "noiowait", bits: noIOWait,
		doc: "the time that the loop waits is idle time in the kernel's books, not I/O wait", since: "IORING_ENTER_NO_IOWAIT, Linux 6.15"},
	{name: "regfiles", bits: regFiles, on: oftenUsed,
		doc: "a descriptor that is used often is registered, and requests name it by its slot in the ring's table of files", since: "an empty table by IORING_REGISTER_FILES2, Linux 5.19"},
	{name: "msgring", bits: msgRing, on: backends.Kinds(backends.Multishot, backends.Accept),
		doc: "one of several loops accepts, and hands connections to all of them in turn; they share the descriptors of the process", since: "IORING_OP_MSG_RING with IORING_MSG_SEND_FD, Linux 6.0"},
}

// waitAttempts try what this file is about.
var waitAttempts = []attempt{
	{naive | holding | batching | sqIdle, 0, func(*ring) (bool, unix.Errno) { return true, 0 }}, // enter, EXT_ARG and SQPOLL need no more for it
	{minWait, 0, reports(uapi.FeatMinTimeout)},
	{noIOWait, 0, reports(uapi.FeatNoIOWait)},
	{sqCPU, 0, trySQCPU},
	{ioPoll, 0, makes(uapi.SetupIOPoll)},
	{hybridPoll, 0, makes(uapi.SetupIOPoll | uapi.SetupHybridIOPoll)},
	{regWait, 0, tryRegWait},
	{napi, 0, tryNAPI},
	{async, 0, tryAsync},
	{iowqMax, 0, tryWorkers},
	{ownMemory, 0, tryOwnMemory},
	{regFiles, 0, tryRegFiles},
	{msgRing, uapi.OpMsgRing, tryMsgRing},
}

// reports looks for a bit that the kernel reports with every ring.
func reports(feat uint32) func(*ring) (bool, unix.Errno) {
	return func(r *ring) (bool, unix.Errno) { return r.features&feat != 0, 0 }
}

// trySQCPU binds a polling thread to a CPU that this thread may use.
func trySQCPU(*ring) (bool, unix.Errno) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return false, errnoOf(err)
	}
	cpu := uint32(0)
	for !set.IsSet(int(cpu)) {
		cpu++
	}
	r, errno := newRing(1, 2, uapi.SetupSQPoll|uapi.SetupSQAff, cpu, 1)
	if errno == 0 {
		r.close()
	}
	return errno == 0, unless(errno, unix.EINVAL)
}

// batchLimit is how long a Wait of a loop with a batch size, and without
// minwait, waits for the batch to fill.
const batchLimit = time.Millisecond

// forever is the time limit of a wait that has none of its owner's: without one
// the kernel returns at the end of the minimum wait although nothing came
// (io_cqring_min_timer_wakeup, io_uring/io_uring.c).
const forever = 24 * time.Hour

// A gathering is how a loop waits for several completions at once.
type gathering struct {
	batch int    // completions that a Wait asks for; 0: as many as its owner does
	usec  uint32 // minimum wait; 0: none
	armed uint32 // usec of the wait that comes next

	reg  *uapi.RegWait // registered arguments, or nil
	page []byte        // where they lie
}

// want is how many completions a Wait that must bring so many at least asks for.
func (g *gathering) want(least, room int) int {
	if g.batch == 0 || least <= 0 {
		return least
	}
	return max(least, min(g.batch, room))
}

// limit is the time limit of a wait for the batch.
func (g *gathering) limit(timeout time.Duration) time.Duration {
	switch {
	case g.usec > 0 && timeout < 0:
		g.armed = g.usec
		return forever
	case g.usec > 0:
		g.armed = uint32(min(int64(g.usec), timeout.Microseconds()))
		return timeout
	case timeout < 0:
		return batchLimit
	}
	return min(timeout, batchLimit)
}

// timed fills in the arguments of a wait with a time limit.
func (l *Loop) timed(timeout time.Duration) (flags uint32, arg unsafe.Pointer, size uintptr) {
	usec := l.waits.armed
	l.waits.armed = 0
	if reg := l.waits.reg; reg != nil {
		reg.TS, reg.MinWaitUsec, reg.Flags = timespec(timeout), usec, uapi.RegWaitTS
		return uapi.EnterExtArg | uapi.EnterExtArgReg, nil, unsafe.Sizeof(*reg) // at offset 0 of the region
	}
	*l.ts = timespec(timeout)
	l.arg.MinWaitUsec = usec
	return uapi.EnterExtArg, unsafe.Pointer(l.arg), unsafe.Sizeof(*l.arg)
}

// initWaits prepares a new ring for the way that its loop waits. With regwait
// the ring is disabled until its region is registered, as the kernel demands
// (io_register_mem_region, io_uring/register.c).
func (l *Loop) initWaits(s settings) unix.Errno {
	l.waits.batch, l.waits.usec = s.batch, s.minWait
	if !l.feat.has(holding) && !l.ring.sqpoll {
		l.alone = backends.Prompt
	}
	if s.minWait > 0 && s.batch == 0 {
		l.waits.batch = 1 << 30 // whatever there is room for
	}
	if l.feat.has(regWait) {
		var errno unix.Errno
		if l.waits.page, errno = registerWaits(l.ring.fd); errno != 0 {
			return errno
		}
		l.waits.reg = (*uapi.RegWait)(unsafe.Pointer(unsafe.SliceData(l.waits.page)))
	}
	if l.feat.has(noIOWait) {
		l.ring.enterOr |= uapi.EnterNoIOWait
	}
	if l.feat.has(napi) {
		if _, errno := setNAPI(l.ring.fd, uapi.RegisterNAPI, s.napi); errno != 0 {
			return errno
		}
	}
	if l.feat.has(iowqMax) {
		return l.boundWorkers(s.workers)
	}
	return 0
}
