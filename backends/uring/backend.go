package uring

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

func init() {
	backends.Register(backends.Family{
		Name:     "uring",
		Doc:      "io_uring: completions, batched; the best that this kernel offers",
		Features: familyFeatures(),
		New: func(v backends.Variant) (backends.Backend, error) {
			if err := contradiction(v); err != nil {
				return nil, err
			}
			return &Backend{variant: v}, nil
		},
		Capabilities: Capabilities,
		Rank:         1,
	})
}

// A Backend makes io_uring loops of one variant. It implements backends.Backend.
type Backend struct {
	variant backends.Variant

	// For tests.
	mask      caps      // what the kernel is taken not to have
	cqEntries uint32    // size of the completion queue
	enter     enterFunc // in place of uapi.Enter
}

// Name implements backends.Backend.
func (b *Backend) Name() string { return b.variant.String() }

// resolve is what loops of this backend will use.
func (b *Backend) resolve() (use, have caps, err error) {
	k, errno := thisKernel()
	if errno != 0 {
		return 0, 0, refused(b.Name(), errno, sysctlDisabled())
	}
	have = k.have &^ b.mask
	use, missing := choose(b.variant, have)
	if missing != nil {
		return 0, 0, b.lacks(missing, k.why(missing.bits&^b.mask))
	}
	if why := pointless(b.variant); why != "" {
		return 0, 0, &backends.Unavailable{Backend: b.Name(), Why: why, Remedy: "leave the feature out"}
	}
	return use, have, nil
}

// lacks is the error of a variant whose feature this kernel does not know, or
// refuses with errno.
func (b *Backend) lacks(f *feature, errno unix.Errno) *backends.Unavailable {
	u := &backends.Unavailable{
		Backend: b.Name(),
		Why:     "feature " + f.name + " needs " + f.since,
		Remedy:  "use a newer kernel or " + b.variant.Family + " without +" + f.name,
	}
	if errno != 0 {
		u = refused(b.Name(), errno, sysctlDisabled())
		u.Why, u.Remedy = "feature "+f.name+" is refused", u.Remedy+", or leave +"+f.name+" out"
	}
	return u
}

// Probe implements backends.Backend.
func (b *Backend) Probe() error {
	use, _, err := b.resolve()
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	small := *b
	small.cqEntries = 8
	l, err := small.open(backends.Config{Entries: 4, BufSize: 1, Bufs: 1}, use&^ringFD)
	if err != nil {
		return err
	}
	l.dispose()
	return nil
}

// Traits implements backends.Backend.
func (b *Backend) Traits() backends.Traits {
	use, have, err := b.resolve()
	if err != nil {
		return backends.Traits{}
	}
	return backends.Traits{
		Tier: tierOf(have), Features: valued(b.variant, names(use)), Links: use.has(links), Bundles: use.has(sendBundles),
		Splices: true, Splicing: use.has(splicing), Streams: names(use & streamOnly), HandsOver: use.has(msgRing),
	}
}

func setupFlags(use caps) (flags uint32) {
	for _, f := range []struct {
		c    caps
		flag uint32
	}{
		{deferred, uapi.SetupDeferTaskrun},
		{coop, uapi.SetupCoopTaskrun},
		{single, uapi.SetupSingleIssuer},
		{sqpoll, uapi.SetupSQPoll},
		{noSQArray, uapi.SetupNoSQArray},
		{submitAll, uapi.SetupSubmitAll},
		{regWait, uapi.SetupRDisabled}, // see initWaits
	} {
		if use.has(f.c) {
			flags |= f.flag
		}
	}
	return flags
}

// Open implements backends.Backend. It locks the calling goroutine to its
// thread until the loop's Close: the kernel binds the ring to that thread.
func (b *Backend) Open(cfg backends.Config) (backends.Loop, error) {
	use, _, err := b.resolve()
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	if use.has(msgRing) && backends.OwnsDescriptors() {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("backend %s: feature msgring hands descriptors from loop to loop, and this thread has a table of its own: open the loop where the process's is in use", b.Name())
	}
	l, err := b.open(cfg.WithDefaults(), use)
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return l, nil
}

func (b *Backend) open(cfg backends.Config, use caps) (*Loop, error) {
	set, err := settingsOf(b.variant)
	if err != nil {
		return nil, err
	}
	if set.sqCPU > 0 {
		cfg.CPU = set.sqCPU
	}
	if use.has(links) {
		cfg.Entries = max(cfg.Entries, 2) // or nothing could be linked
	}
	var own []byte
	entries, cqEntries := b.sizes(cfg)
	if use.has(ownMemory) {
		_, size := ringMemory(entries, cqEntries)
		if own, err = hugeMemory(b.Name(), size); err != nil {
			return nil, err
		}
	}
	l := &Loop{enter: b.enter, feat: use, poison: cfg.Poison, reserve: max(cfg.Bufs/4, 1)}
	if l.enter == nil {
		l.enter = uapi.Enter
	}
	errno := l.initRing(own, entries, cqEntries, cfg.CPU, set)
	if errno == 0 {
		errno = l.init(cfg)
	}
	if errno == 0 {
		return l, nil
	}
	l.dispose()
	if errno == unix.EINVAL && use.has(sqpoll) && cfg.CPU > 0 {
		return nil, fmt.Errorf("backend %s: the kernel cannot bind its polling thread to CPU %d (%w): choose one that exists and that this process may use", b.Name(), cfg.CPU-1, errno)
	}
	return nil, refused(b.Name(), errno, sysctlDisabled())
}

// sizes are those of the ring's queues.
func (b *Backend) sizes(cfg backends.Config) (entries, cqEntries uint32) {
	if b.cqEntries != 0 {
		// The kernel wants no fewer completions than submissions.
		return min(uint32(cfg.Entries), b.cqEntries), b.cqEntries
	}
	// A multishot op completes without being submitted, so completions
	// outnumber submissions.
	return uint32(cfg.Entries), uint32(max(4*cfg.Entries, 4096))
}

// initRing sets the ring up, in memory of ours where there is any.
func (l *Loop) initRing(own []byte, entries, cqEntries uint32, pollCPU int, set settings) (errno unix.Errno) {
	flags, cpu := setupFlags(l.feat), uint32(0)
	if l.feat.has(sqpoll) && pollCPU > 0 {
		flags |= uapi.SetupSQAff
		cpu = uint32(pollCPU - 1)
	}
	if l.feat.has(links) {
		l.chains = new(chains)
	}
	if l.ring, errno = newRingIn(own, entries, cqEntries, flags, cpu, set.sqIdle); errno != 0 {
		unmap(own)
		return errno
	}
	return l.initWaits(set)
}

// init gives the loop what it needs besides the ring.
func (l *Loop) init(cfg backends.Config) unix.Errno {
	var errno unix.Errno
	if l.feat.has(ringFD) {
		if errno := l.ring.register(); errno != 0 {
			return errno
		}
	}
	if l.feat.has(fixedFiles) {
		if errno := l.initFiles(); errno != 0 {
			return errno
		}
	}
	if l.feat.has(msgRing) {
		l.hands = new(hands)
	}
	if l.feat.has(regFiles) {
		if l.table, errno = newFileTable(l.ring); errno != 0 {
			return errno
		}
	}
	var err error
	if l.pool, err = backends.NewPool(cfg.Bufs, cfg.BufSize, cfg.Poison); err != nil {
		return unix.ENOMEM
	}
	switch {
	case l.feat.has(provided):
		l.initOffers(cfg.Bufs, cfg.BufSize, cfg.Poison)
	case l.feat.has(bufRings):
		if l.bufs, errno = newBufRing(l.ring.fd, l.pool, cfg.Bufs, cfg.BufSize, l.feat, cfg.Poison); errno != 0 {
			return errno
		}
	}
	l.reads.n, l.reads.size = cfg.Bufs, cfg.BufSize
	if errno := l.registerPools(); errno != 0 {
		return errno
	}
	if l.feat.has(sendBundles) {
		if l.groups, errno = newSendGroups(l.ring.fd); errno != 0 {
			return errno
		}
	}
	n := len(l.ring.sqes)
	size := n * int(unsafe.Sizeof(scratch{}))
	if l.arena, err = backends.NewArena(size + backends.PageSize); err != nil {
		return unix.ENOMEM
	}
	l.scratch = unsafe.Slice((*scratch)(unsafe.Pointer(unsafe.SliceData(l.arena.Bytes(size)))), n)
	page := unsafe.Pointer(unsafe.SliceData(l.arena.Bytes(backends.PageSize)))
	l.arg = (*uapi.GetEventsArg)(page)
	l.ts = (*uapi.Timespec)(unsafe.Add(page, 64))
	l.arg.TS = uint64(uintptr(unsafe.Pointer(l.ts)))
	l.resize(2 * n)
	l.straight = l.goesStraight()
	l.straightWaits = l.waitsStraight()
	return 0
}
