package workloads

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
)

// pageEvery: of one read in so many a page is verified in full, or of a foreign file
// kept to be, whichever page of it chance names: it costs each read as much, however
// large. Of every read the first word in each 4096 bytes is verified and the last. A
// prime, so that reads in order come to every block of a file.
const pageEvery = 61

// batch is how many completions a loop takes at a time.
const batch = 128

// A fileLoop is what one loop does to the file.
type fileLoop struct {
	r        *Reader
	index    int
	loop     backends.Loop
	links    bool
	prompt   backends.Flags // of all ops of a turn but the last
	slots    []fileSlot
	free     []*fileSlot // those with nothing in flight
	dst      []backends.Completion
	arena    *backends.Arena // what writes write
	random   *rand.PCG
	keeps    keeps
	progress atomic.Uint64
	done     chan struct{}
	err      error

	dues *load.Taker   // nil: closed loop
	due  int64         // open loop: when the operation that starts next is, or nothing
	naps atomic.Uint64 // calls of a loop that blocks to wait for that, which the loop does not know of
	nap  napping

	now      int64
	longest  int64  // that a write took
	ended    uint64 // operations
	series   load.Series
	messages uint64 // in the window
	offered  uint64 // in the window
	service  result.Histogram
	response result.Histogram // open loop
	lag      result.Histogram // open loop
	clipped  uint64
	counters backends.Counters
}

// A fileSlot is one operation in flight: sync follows op where the load has it.
type fileSlot struct {
	k     *fileLoop
	op    backends.Op
	sync  backends.Op
	due   int64 // open loop
	since int64 // its Submit
}

func newFileLoop(r *Reader, index int) (*fileLoop, error) {
	n := r.cfg.share(index, r.traits)
	k := &fileLoop{
		r: r, index: index, links: r.traits.Links, slots: make([]fileSlot, n), dst: make([]backends.Completion, batch),
		random: rand.NewPCG(r.cfg.Seed, uint64(index)), done: make(chan struct{}), service: result.NewHistogram(),
	}
	if r.cfg.Direct && !k.syncs() {
		k.prompt = backends.Prompt
	}
	fd := int32(0)
	if !r.memory {
		fd = int32(r.file.Fd())
	}
	size, step := r.cfg.Size, (r.cfg.Size+backends.PageSize-1)&^(backends.PageSize-1)
	var err error
	if r.cfg.Op != OpRead {
		if k.arena, err = backends.NewArena(n * step); err != nil {
			return nil, err
		}
	}
	if err := k.keeps.open(r); err != nil {
		return nil, err
	}
	for i := range k.slots {
		s := &k.slots[i]
		s.k = k
		s.op = backends.Op{Code: backends.ReadAt, Flags: backends.SelectBuf, FD: fd, Done: s}
		s.sync = backends.Op{Code: backends.Fdatasync, FD: fd, Done: s}
		if r.cfg.Op != OpRead {
			s.op.Code, s.op.Flags, s.op.Buf = backends.WriteAt, 0, k.arena.Bytes(size)
			r.writes.Fill(s.op.Buf, 0)
			if k.syncs() && k.links {
				s.op.Flags = backends.Link
			}
		}
		k.free = append(k.free, s)
	}
	return k, nil
}

// syncs reports whether each write is followed by an fdatasync.
func (k *fileLoop) syncs() bool { return k.r.cfg.Op == OpFsync || k.r.cfg.Op == OpAppend }

// run is the loop's goroutine.
func (k *fileLoop) run(b backends.Backend, ready chan<- error) {
	defer close(k.done)
	if t := k.r.traits; !t.Blocking {
		k.r.table = lockLoop(t, t.FilePool)
	}
	loop, err := b.Open(k.r.cfg.LoopConfig(k.index, k.r.traits))
	k.loop = loop
	ready <- err
	if err != nil {
		return
	}
	<-k.r.begin
	k.series = load.NewSeries(k.r.window)
	if k.r.cfg.Rate > 0 {
		k.openLoop()
	}
	time.Sleep(time.Duration(k.r.window.Start - backends.Nanotime()))
	if k.err = k.drive(); k.err != nil && !k.r.stopped.Load() {
		k.r.fail(k.err) // else Stop tells
	}
	if err := loop.Close(); k.err == nil {
		k.err = err
	}
	k.counters = loop.Counters()
}

// lockLoop keeps an event loop on its thread, with a descriptor table of its own
// unless other threads are to use its descriptors, as they do where it is pooled.
func lockLoop(t backends.Traits, pooled bool) (table string) {
	switch {
	case pooled:
		runtime.LockOSThread()
		return "shared, with the threads that files are left to"
	case t.HandsOver:
		runtime.LockOSThread()
		return "shared, with the loops that connections are handed to"
	}
	if err := backends.OwnDescriptors(); err != nil {
		return "shared, " + err.Error()
	}
	return "own"
}

// drive keeps all slots busy until the end, or as many as are due, and then waits
// for what is in flight.
func (k *fileLoop) drive() error {
	for k.err == nil && !k.r.stopped.Load() {
		if err := k.turn(); err != nil {
			return err
		}
	}
	for k.err == nil && len(k.free) < len(k.slots) {
		if err := k.reap(-1); err != nil {
			return err
		}
	}
	k.missed()
	return k.err
}

// turn starts what can be started and takes what has ended.
func (k *fileLoop) turn() error {
	now := backends.Nanotime()
	for len(k.free) > 0 && (k.dues == nil || k.isDue(now)) {
		s := k.free[len(k.free)-1]
		off, ok := k.place()
		if !ok {
			return k.err
		}
		k.free = k.free[:len(k.free)-1]
		s.op.Flags |= k.prompt
		if len(k.free) == 0 { // the next Wait follows at once
			s.op.Flags &^= backends.Prompt
		}
		s.start(off, now)
	}
	if k.dues == nil || len(k.free) == 0 {
		return k.reap(-1)
	}
	return k.await()
}

// reap takes what has ended, and waits for it: without end if timeout is negative.
func (k *fileLoop) reap(timeout time.Duration) error {
	n, err := k.loop.Wait(k.dst, 1, timeout)
	if err != nil {
		return err
	}
	k.now = backends.Nanotime()
	backends.Dispatch(k.dst[:n])
	k.progress.Store(k.ended)
	return k.err
}

// place is the byte of the next block; false when a log is full.
func (k *fileLoop) place() (off int64, ok bool) {
	r := k.r
	block := int64(0)
	switch {
	case r.cfg.Op == OpAppend && !r.memory:
		if block = r.next.Add(1) - 1; block >= r.blocks {
			k.err = fmt.Errorf("the log has all of its %d bytes before the end of the load; raise --file-size or shorten --duration", r.cfg.Bytes)
			return 0, false
		}
	case r.cfg.Random:
		block = int64(k.random.Uint64() % uint64(r.blocks))
	default:
		block = (r.next.Add(1) - 1) % r.blocks
	}
	return block * int64(r.cfg.Size), true
}

func (s *fileSlot) start(off, now int64) {
	k := s.k
	s.op.Off, s.since = off, now
	if k.dues != nil {
		k.taken(s)
	}
	if s.op.Code == backends.WriteAt {
		k.r.writes.Stamp(s.op.Buf, off, uint64(now))
	}
	k.loop.Submit(&s.op)
	if s.op.Flags&backends.Link != 0 {
		k.loop.Submit(&s.sync)
	}
}

// Complete receives what became of a slot's op or sync.
func (s *fileSlot) Complete(c *backends.Completion) {
	k := s.k
	switch {
	case c.Op == &s.sync:
		if c.Res < 0 {
			k.broken("fdatasync", s.op.Off, c.Res)
			return
		}
		s.end()
	case int(c.Res) != k.r.cfg.Size:
		k.broken(s.op.Code.String(), s.op.Off, c.Res)
	case s.op.Code == backends.ReadAt:
		k.look(c.Buf, s.op.Off)
		k.loop.Recycle(c.Buf)
		s.end()
	case !k.syncs():
		s.end()
	case s.op.Flags&backends.Link == 0:
		k.loop.Submit(&s.sync)
	}
}

// end counts a slot's operation.
func (s *fileSlot) end() {
	k := s.k
	k.ended++
	k.free = append(k.free, s)
	if s.op.Code == backends.WriteAt {
		k.keeps.wrote(s.op.Off, s.since)
		k.longest = max(k.longest, k.now-s.since)
	}
	k.series.Add(k.now, 1)
	if !k.inWindow(k.now) {
		return
	}
	k.messages++
	k.record(k.service, k.now-s.since)
	if k.dues != nil {
		k.record(k.response, k.now-s.due)
	}
}

func (k *fileLoop) inWindow(now int64) bool { return now >= k.r.window.Open && now < k.r.window.Close }

func (k *fileLoop) record(h result.Histogram, v int64) {
	if !h.Record(v) {
		k.clipped++
	}
}

// look verifies what a read brought: see pageEvery.
func (k *fileLoop) look(b []byte, off int64) {
	ok := k.r.cfg.Foreign || k.r.holds.Marked(b, off)
	if k.ended%pageEvery == 0 {
		i := int(k.random.Uint64()%uint64(len(b))) &^ (backends.PageSize - 1)
		page, at := b[i:min(i+backends.PageSize, len(b))], off+int64(i)
		if k.r.cfg.Foreign {
			k.keeps.read(page, at)
		} else {
			ok = ok && k.r.holds.Holds(page, at)
		}
	}
	if !ok && !k.r.memory && k.err == nil {
		k.err = fmt.Errorf("a read of %d bytes at %d brought wrong ones", len(b), off)
	}
}

// broken says what is wrong with an operation that failed or fell short, unless
// another was before it.
func (k *fileLoop) broken(what string, off int64, res backends.Result) {
	if k.err != nil {
		return
	}
	size := k.r.cfg.Size
	if err := res.Err(); err != nil {
		k.err = fmt.Errorf("%s of %d bytes at %d of the file: %w", what, size, off, err)
		return
	}
	k.err = fmt.Errorf("%s at %d of the file moved %d bytes of %d", what, off, res, size)
	var st unix.Stat_t
	if !k.r.memory && unix.Fstat(int(k.r.file.Fd()), &st) == nil && st.Size < off+int64(size) && what == backends.ReadAt.String() {
		k.err = fmt.Errorf("the file has shrunk to %d bytes under the load: a read of %d at %d brought %d", st.Size, size, off, res)
	}
}

// report adds what this loop saw; run has returned.
func (k *fileLoop) report(r *load.Report) {
	r.Messages += k.messages
	r.Bytes += k.messages * uint64(k.r.cfg.Size)
	k.series.AddTo(&r.Series)
	r.Service.Merge(k.service.Histogram)
	if k.dues != nil {
		r.Offered += k.offered
		r.Response.Merge(k.response.Histogram)
		r.SendLag.Merge(k.lag.Histogram)
	}
	r.Sent += k.ended
	r.Answered += k.ended
	r.Clipped += k.clipped
	r.Counters.Add(k.counters)
	r.Counters[backends.SysWait] += k.naps.Load()
}
