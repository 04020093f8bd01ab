package uring

import (
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/uapi"
)

// Every ring is made and every question to the kernel asked through these two.
// Tests put a kernel that knows less, or refuses more, in their place.
var (
	sysSetup    = uapi.Setup
	sysRegister = uapi.Register
)

// A kernel is what trying has shown of one.
type kernel struct {
	have    caps
	settled caps      // found to be there or not to be there, for good
	refused []refusal // why the others could not be had when last tried
}

type refusal struct {
	feature caps
	errno   unix.Errno
}

var known struct {
	sync.Mutex
	kernel
}

// thisKernel is what this kernel can do, found by trying. Only a conclusive
// answer is kept: a lack of memory, descriptors or threads may pass, a sysctl or
// a policy change. An error means that not even a plain ring is to be had.
func thisKernel() (kernel, unix.Errno) {
	known.Lock()
	defer known.Unlock()
	errno := known.probe()
	return known.kernel, errno
}

// why is the errno with which a feature of these bits was refused, or 0.
func (k kernel) why(bits caps) unix.Errno {
	for _, r := range k.refused {
		if bits.has(r.feature) {
			return r.errno
		}
	}
	return 0
}

// An attempt finds out whether the kernel has a feature: by a request that it
// must know, and by trying on a small ring r. An errno means that it remains
// unknown.
type attempt struct {
	feature caps
	op      uint8 // OpNop where it takes no particular one
	try     func(r *ring) (bool, unix.Errno)
}

var attempts = slices.Concat([]attempt{
	{submitAll, 0, makes(uapi.SetupSubmitAll)},
	{coop, 0, makes(uapi.SetupCoopTaskrun)},
	{single, 0, makes(uapi.SetupSingleIssuer)},
	{deferred, 0, makes(uapi.SetupSingleIssuer | uapi.SetupDeferTaskrun)},
	{noSQArray, 0, makes(uapi.SetupNoSQArray)},
	{sqpoll, 0, makes(uapi.SetupSQPoll)},
	{ringFD, 0, tryRingFD},
	{bufRings, 0, tryBufRing},
	{recvMulti, 0, tryRecv},
	{acceptMulti, 0, tryAccept},
	{cancelByFD, 0, tryCancel},
	{zeroCopy, uapi.OpSendZC, tryZeroCopy},
	{zcFixed, uapi.OpSendZC, tryZCFixed},
	{links, 0, tryLink},
	{linkTimeout, uapi.OpLinkTimeout, tryLinkTimeout},
	{skipSuccess, 0, trySkip},
	{sendBundles, 0, trySendBundle},
	{incremental, 0, tryIncremental},
	{provided, uapi.OpProvideBuffers, tryProvide},
	{recvBundles, 0, tryBundle},
	{pollFirst, 0, tryPollFirst},
	{pollMulti, 0, tryPollMulti},
	{fixedFiles, 0, tryFixed},
	{fixedBuffers, uapi.OpReadFixed, tryReadFixed},
	{sendAddr, 0, trySendAddr},
	{splicing, uapi.OpSplice, func(*ring) (bool, unix.Errno) { return true, 0 }},
	{oneShot | pollThen, 0, func(*ring) (bool, unix.Errno) { return true, 0 }}, // of operations without which there is no loop
}, waitAttempts)

// probe tries what is not settled yet.
func (k *kernel) probe() unix.Errno {
	var open []attempt
	for _, a := range attempts {
		if !k.settled.has(a.feature) {
			open = append(open, a)
		}
	}
	if len(open) == 0 {
		return 0
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r, errno := newRing(8, 16, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	defer func() {
		if r != nil {
			r.close()
		}
	}()
	ops, errno := operations(r)
	if errno != 0 {
		return errno
	}
	// Not only to make rings: a filter may know each of the three calls by itself.
	if _, errno := trial(r, func(e *uapi.SQE) { e.Opcode = uapi.OpNop }); errno != 0 {
		return errno
	}
	k.refused = nil // and not cut short: others may still read it
	for _, a := range open {
		ok, errno := ops.Has(a.op), unix.Errno(0)
		if ok {
			ok, errno = a.try(r)
		}
		switch {
		case errno != 0:
			k.refused = append(k.refused, refusal{a.feature, errno})
			// What was tried may lie in the ring still.
			r.close()
			if r, errno = newRing(8, 16, 0, 0, 0); errno != 0 {
				return errno
			}
			continue
		case ok:
			k.have |= a.feature
		}
		k.settled |= a.feature
	}
	return 0
}

// operations asks which operations the kernel knows. It is ENOSYS when one is
// missing that no tier can do without.
func operations(r *ring) (*uapi.Probe, unix.Errno) {
	p := new(uapi.Probe)
	if _, errno := sysRegister(r.fd, uapi.RegisterProbe, unsafe.Pointer(p), uint32(len(p.Ops))); errno != 0 {
		return nil, errno
	}
	for _, op := range usedOps {
		if !p.Has(op) {
			return nil, unix.ENOSYS
		}
	}
	return p, 0
}
