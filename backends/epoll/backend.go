package epoll

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/fifo"
	"github.com/ringbench/ringbench/internal/uapi"
)

func init() {
	backends.Register(backends.Family{
		Name: "epoll",
		Doc:  "edge-triggered epoll, ready bits, one recvfrom and one sendto a message",
		Rank: 2,
		Features: map[string]backends.Feature{
			"mmsg": {Doc: mmsgDoc, On: backends.Kinds(0, backends.RecvFrom, backends.SendTo)},
			"readwrite": {
				Doc: "read and write on non-blocking sockets, in place of recvfrom and sendto",
				On:  backends.Kinds(0, backends.Recv, backends.Send),
			},
			"sendfile": {Doc: backends.SendfileDoc, On: backends.Kinds(0, backends.Sendfile)},
			"splice":   {Doc: backends.SpliceDoc, On: backends.Kinds(0, backends.Splice)},
			"syscall":  {Doc: "enter the kernel through the Go scheduler, as unix.Read and unix.Write do"},
		},
		New:          func(v backends.Variant) (backends.Backend, error) { return newBackend(v), nil },
		Capabilities: capabilities,
	})
}

// kernel is the calls a loop makes, so that tests can make them fail.
type kernel struct {
	mover
	recv             func(fd int32, b []byte, flags int) (int, unix.Errno)
	send             func(fd int32, b []byte, flags int) (int, unix.Errno)
	recvFrom, sendTo func(fd int32, b []byte, flags int, name uapi.Name) (int, unix.Errno)
	recvMany         func(m *uapi.Messages, fd int32, n, flags int) (int, unix.Errno)
	sendMany         func(m *uapi.Messages, fd int32, i, n, flags int) (int, unix.Errno)
	accept           func(fd int32, flags int) (int, unix.Errno)
	shutdown         func(fd int32, how int) unix.Errno
	close            func(fd int32) unix.Errno
	wait             func(epfd int, ev []uapi.EpollEvent, timeout *unix.Timespec) (int, unix.Errno)
	noFlag           bool // recv and send take no flags, so that sockets must not block by themselves
}

type backend struct {
	variant backends.Variant
	kernel
	fileCalls func(raw bool) fileCalls
	through   bool // enter through the scheduler
}

func newBackend(v backends.Variant) *backend {
	b := &backend{variant: v, fileCalls: filesBy, kernel: kernel{mover: rawMover, recv: uapi.RecvRaw, send: uapi.SendRaw, accept: uapi.AcceptRaw, shutdown: uapi.ShutdownRaw, close: uapi.CloseRaw, wait: uapi.EpollWaitRaw,
		recvFrom: uapi.RecvFromRaw, sendTo: uapi.SendToRaw, recvMany: (*uapi.Messages).ReceiveRaw, sendMany: (*uapi.Messages).SendRaw}}
	through, readWrite := v.Has("syscall", false), v.Has("readwrite", false)
	b.through = through
	if through {
		b.kernel = kernel{mover: scheduledMover, recv: uapi.Recv, send: uapi.Send, accept: uapi.Accept, shutdown: uapi.Shutdown, close: uapi.Close, wait: uapi.EpollWait,
			recvFrom: uapi.RecvFrom, sendTo: uapi.SendTo, recvMany: (*uapi.Messages).Receive, sendMany: (*uapi.Messages).Send}
	}
	switch {
	case through && readWrite:
		b.recv, b.send, b.noFlag = uapi.Read, uapi.Write, true
	case readWrite:
		b.recv, b.send, b.noFlag = uapi.ReadRaw, uapi.WriteRaw, true
	}
	return b
}

func (b *backend) Name() string  { return b.variant.String() }
func (b *backend) batches() bool { return b.variant.Has("mmsg", false) }

func (b *backend) Traits() backends.Traits {
	t := backends.Traits{FilePool: true, Splices: true, Sendfile: true, Features: slices.Clone(b.variant.Add)}
	if b.noFlag {
		t.Streams = append(t.Streams, "readwrite")
	}
	if b.batches() {
		t.Datagrams = []string{"mmsg"}
	}
	if b.variant.Has("splice", false) {
		t.Splicing, t.Streams = true, append(t.Streams, "splice")
	}
	if b.variant.Has("sendfile", false) {
		t.Sendfiling, t.Streams = true, append(t.Streams, "sendfile")
	}
	return t
}

// Probe asks for epoll_pwait2 (Linux 5.11), whose time-outs are finer than the
// millisecond of epoll_wait.
func (b *backend) Probe() error {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return b.refused(err)
	}
	defer unix.Close(epfd)
	if _, e := uapi.EpollWaitRaw(epfd, make([]uapi.EpollEvent, 1), &unix.Timespec{}); e != 0 {
		return &backends.Unavailable{Backend: b.Name(), Why: "epoll_pwait2 is refused; it exists since Linux 5.11",
			Remedy: "use a newer kernel, or a container runtime whose seccomp profile knows the call", Err: e}
	}
	return nil
}

func (b *backend) refused(err error) error {
	return &backends.Unavailable{Backend: b.Name(), Why: "epoll_create1 failed", Err: err,
		Remedy: "raise the limit of open files (ulimit -n)"}
}

// Open makes a loop and locks the goroutine to its thread, as one C thread
// would run it; Close unlocks.
func (b *backend) Open(cfg backends.Config) (backends.Loop, error) {
	cfg = cfg.WithDefaults()
	pool, err := backends.NewPool(cfg.Bufs, cfg.BufSize, cfg.Poison)
	if err != nil {
		return nil, err
	}
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		pool.Close()
		return nil, b.refused(err)
	}
	runtime.LockOSThread()
	l := &Loop{
		kernel:    b.kernel,
		fileCalls: b.fileCalls, through: b.through,
		threads: cfg.Threads,
		entries: cfg.Entries,
		epfd:    epfd,
		events:  make([]uapi.EpollEvent, min(cfg.Entries, 512)),
		fds:     make([]desc, 1024),
		done:    fifo.New[backends.Completion](cfg.Entries),
		run:     fifo.New[int32](cfg.Entries),
		pool:    pool,
		bufSize: cfg.BufSize,
		poison:  cfg.Poison,
	}
	if b.batches() {
		l.batch = newBatch()
	}
	return l, nil
}

// Loop is a backends.Loop on epoll.
type Loop struct {
	backends.Tally
	kernel
	epfd     int
	events   []uapi.EpollEvent // of which the kernel has filled in found, and seen are noted
	seen     int
	found    int
	fds      []desc                          // by descriptor
	nonblock []uint64                        // a bit for each descriptor that is O_NONBLOCK by the loop
	done     fifo.Queue[backends.Completion] // finished, to be handed out
	run      fifo.Queue[int32]               // descriptors that are ready and have an op that waits for it
	turn     turn                            // before those in run
	starved  fifo.Queue[int32]               // descriptors whose receive found no buffer
	dst      []backends.Completion           // what collect fills, while it does
	filled   int
	pool     *backends.Pool
	bufSize  int
	poison   bool
	batch    *batch // nil: datagrams go one by one
	timers   backends.Timers
	skipped  int // Waits in a row that did not ask the kernel

	files     *files               // nil: it has met no file
	shared    atomic.Pointer[pool] // that of files, for Counters
	fileCalls func(raw bool) fileCalls
	through   bool // the pool too enters through the scheduler
	threads   int  // of a pool
	entries   int  // jobs of a pool
	ts        unix.Timespec
}

var _ backends.Loop = (*Loop)(nil)

// Counters implements backends.Loop.
func (l *Loop) Counters() backends.Counters {
	c := l.Tally.Read()
	if p := l.shared.Load(); p != nil {
		c.Add(p.counters())
	}
	return c
}

// Close implements backends.Loop.
func (l *Loop) Close() error {
	l.sendGathered()
	for fd := range l.fds {
		l.cancelAll(int32(fd))
	}
	if l.files != nil {
		l.closeFiles()
	}
	for op := l.timers.Pop(); op != nil; op = l.timers.Pop() {
		op.Loan = backends.Loan{}
	}
	for l.done.Len() > 0 {
		c := l.done.Pop()
		c.Op.Loan = backends.Loan{}
		if c.Op.Code == backends.Accept && c.Res >= 0 {
			unix.Close(int(c.Res)) // nobody will ever learn of it
		}
	}
	l.fds = nil
	l.Publish()
	err := unix.Close(l.epfd)
	runtime.UnlockOSThread()
	if e := l.pool.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("close epoll loop: %w", err)
	}
	return nil
}

// maxSkips bounds how many Waits may live on what is known to be ready before
// the kernel is asked again, so that one busy connection cannot starve others.
const maxSkips = 64

// Wait implements backends.Loop.
func (l *Loop) Wait(dst []backends.Completion, min int, timeout time.Duration) (int, error) {
	var deadline int64
	if timeout > 0 {
		deadline = backends.After(timeout)
	}
	if min > len(dst) {
		min = len(dst)
	}
	n := 0
	l.sendGathered()
	if l.skipped >= maxSkips {
		if err := l.poll(0); err != nil {
			return 0, err
		}
	}
	for polled := false; ; polled = true {
		n = l.collect(dst, n)
		if n == len(dst) || n > 0 && n >= min || polled && timeout == 0 {
			l.skipped++
			return n, nil
		}
		left := timeout
		if timeout > 0 {
			if left = time.Duration(deadline - backends.Nanotime()); left <= 0 {
				return n, nil
			}
		}
		if min == 0 {
			left = 0
		}
		if err := l.poll(left); err != nil {
			return n, err
		}
		if min == 0 {
			return l.collect(dst, n), nil
		}
	}
}

// collect moves finished ops into dst[n:] and makes the receives that are
// ready, up to a cache's worth of bytes.
func (l *Loop) collect(dst []backends.Completion, n int) int {
	l.dst, l.filled = dst, n
	if l.files != nil {
		l.turnFiles()
	}
	for l.done.Len() > 0 && l.filled < len(dst) {
		c := &dst[l.filled]
		*c = *l.done.Front()
		l.done.Drop()
		l.filled++
		if !c.More {
			c.Op.Loan.Slot = 0
		}
	}
	if l.inLine() > 0 || l.starved.Len() > 0 {
		l.note()
	}
	if l.starved.Len() > 0 && l.pool.Len() > 0 {
		l.resume(l.starved.Pop()) // one each time, as those in line may take all buffers again and again
	}
	for budget := cacheBytes; l.filled < len(dst) && budget > 0; {
		if l.starved.Len() > 0 && l.pool.Len() > l.inLine() {
			l.resume(l.starved.Pop())
			continue
		}
		if l.inLine() == 0 {
			if l.seen == l.found {
				break
			}
			budget -= l.straight(budget)
			continue
		}
		// What yields nothing costs nothing: without a completion in dst the
		// caller would wait in the kernel, with others still in line.
		if n := l.receive(l.next()); n > 0 {
			budget -= max(n, backends.PageSize)
		}
	}
	l.dst = nil
	return l.filled
}

// cacheBytes is how much is received before the owner gets to send it on: little
// enough to be in the cache still. A small message counts as a page, since it
// has a buffer and a connection to itself.
const cacheBytes = 64 << 10

// finish hands out a completion, or queues it to be. Fields are set one by one,
// where they stay: a Completion made on the stack and copied waits for the
// processor to forward its stores, which was a third of the loop's own time.
func (l *Loop) finish(op *backends.Op, res backends.Result, buf []byte, more bool) {
	switch op.Code {
	case backends.Recv, backends.RecvFrom:
		if buf == nil {
			backends.Unlend(op.Buf, true)
		}
	case backends.Send, backends.SendTo:
		backends.Unlend(op.Buf, false)
	}
	c, out := l.outcome()
	switch {
	case more:
	case out:
		op.Loan.Slot = 0
	default:
		op.Loan.Gen = completed
	}
	c.Op, c.Res, c.Buf, c.More = op, res, buf, more
}

// outcome is where a completion goes: from within collect out to the owner, else
// into the queue for the next one.
func (l *Loop) outcome() (c *backends.Completion, out bool) {
	if l.filled < len(l.dst) && l.done.Len() == 0 {
		l.filled++
		return &l.dst[l.filled-1], true
	}
	return l.done.Add(), false
}

// poll asks the kernel once for what is ready. It returns early for the
// first of the loop's own timers.
func (l *Loop) poll(timeout time.Duration) error {
	l.skipped = 0
	l.note()
	if when, ok := l.timers.Next(); ok {
		if d := max(time.Duration(when-backends.Nanotime()), 0); timeout < 0 || d < timeout {
			timeout = d
		}
	}
	if l.files != nil && timeout != 0 && !l.files.mayBlock() {
		timeout = 0
	}
	var ts *unix.Timespec
	if timeout >= 0 {
		l.ts = unix.NsecToTimespec(int64(timeout))
		ts = &l.ts
	}
	l.Publish()
	l.Tally.Counters[backends.SysWait]++
	n, e := l.wait(l.epfd, l.events, ts)
	if l.files != nil {
		l.files.loop.Store(awake)
	}
	switch e {
	case 0:
	case unix.EINTR:
		l.Tally.Counters[backends.Interrupts]++
		runtime.Gosched() // the signal may be the runtime's, asking this goroutine to stop
		n = 0
	default:
		return fmt.Errorf("epoll_pwait2: %w", e)
	}
	l.Tally.Counters[backends.Completions] += uint64(n)
	l.seen, l.found = 0, n
	if when, ok := l.timers.Next(); ok {
		now := backends.Nanotime()
		for ; ok && when <= now; when, ok = l.timers.Next() {
			l.finish(l.timers.Expire(now), backends.Fail(unix.ETIME), nil, false)
		}
	}
	return nil
}
