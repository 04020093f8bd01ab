package epoll

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// fileCalls are the calls of the pool's threads, all entered the same way but
// for the one that never blocks.
type fileCalls struct {
	pread, pwrite func(fd int32, b []byte, off int64) (int, unix.Errno)
	fsync         func(fd int32, dataOnly bool) unix.Errno
	sleep         func(word *atomic.Uint32, value uint32) unix.Errno
	wake          func(word *atomic.Uint32, n int) int
}

func filesBy(raw bool) fileCalls {
	if raw {
		return fileCalls{uapi.PreadRaw, uapi.PwriteRaw, uapi.FsyncRaw, uapi.FutexWaitRaw, uapi.FutexWakeRaw}
	}
	return fileCalls{uapi.Pread, uapi.Pwrite, uapi.Fsync, uapi.FutexWait, uapi.FutexWakeRaw}
}

// holders is how many threads of the process enter raw on behalf of pools, the
// loops that have one included.
var holders atomic.Int32

// States of a job.
const (
	queued    uint32 = iota // in the pool's line, still to be cancelled
	taken                   // a thread works on it
	cancelled               // the loop took it back; a thread only passes it on
)

// A job is a file op as the pool's threads see it. Op is the loop's alone.
type job struct {
	op    *backends.Op // nil: cancelled, or free
	buf   []byte
	off   int64
	fd    int32
	code  backends.Code
	state atomic.Uint32
	res   backends.Result
	next  uint32 // 1 + the job that finished before, see pool.finished
}

// A thread's counters, in a cache line that no other thread writes to.
type thread struct {
	recv, send, threads, other, interrupts atomic.Uint64
	_                                      [3]uint64
}

// A pool is threads that block in the place of the loop. Jobs go to them in a
// line that threads take from by compare and swap, and come back in a stack that
// the loop takes as a whole; neither side locks. Idle threads sleep on a futex.
// One of them is woken for what is in line, and wakes the next before its own call
// if there is more than it took. So as many run as there are calls that block,
// while calls that do not, as on a file in the page cache, find the line emptied
// by whoever was first. Of cached reads at depth 32 each took 1.03 switches and
// 5,495 ns of CPU where a thread was woken for each, and 0.14 and 2,229 ns so. The
// loop is woken by an
// eventfd in its epoll set, which is written to only while it sleeps and by the
// first thread alone that finds it so.
type pool struct {
	calls   fileCalls
	raw     bool
	jobs    []job
	line    []atomic.Uint32 // a ring of indexes, with room for every job
	threads []thread
	eventfd int32
	done    sync.WaitGroup

	// Each group of words has a cache line of its own.
	_        [64]byte
	head     atomic.Uint32 // threads take from here
	_        [60]byte
	tail     atomic.Uint32 // the loop adds here
	turn     atomic.Uint32 // the futex: changes with every hand-over
	stopping atomic.Bool
	_        [52]byte
	idle     atomic.Int32 // threads that sleep, or are about to
	coming   atomic.Bool  // one that was woken has yet to look at the line
	_        [56]byte
	finished atomic.Uint32 // 1 + the job that finished last, 0: none
	loop     atomic.Uint32 // awake, asleep or signalled
	_        [56]byte
}

// What a thread knows of the loop.
const (
	awake     uint32 = iota // or will look at finished before it sleeps
	asleep                  // in epoll_pwait2, or on its way there
	signalled               // the eventfd is being written to
)

// take is the next job in line; false when there is none.
func (p *pool) take() (uint32, bool) {
	for {
		h := p.head.Load()
		if h == p.tail.Load() {
			return 0, false
		}
		// Nobody writes over the place before the job in it has come back.
		i := p.line[h&uint32(len(p.line)-1)].Load()
		if p.head.CompareAndSwap(h, h+1) {
			return i, true
		}
	}
}

// handOver puts n jobs, which were added behind tail, in line.
func (p *pool) handOver(n int) (calls uint64) {
	p.tail.Add(uint32(n))
	p.turn.Add(1)
	return p.call()
}

// call wakes a thread if the line has work, one sleeps and none is coming. Where
// it found none asleep, who was about to sleep sees the work that was in line;
// but one may sleep by now that the next hand-over did not wake, since this call
// seemed to have done so.
func (p *pool) call() (calls uint64) {
	for {
		turn := p.turn.Load()
		if p.head.Load() == p.tail.Load() || p.idle.Load() == 0 || !p.coming.CompareAndSwap(false, true) {
			return calls
		}
		calls++
		if woken := p.calls.wake(&p.turn, 1); woken > 0 {
			p.idle.Add(-1) // it is idle no more, though it has not run yet
			return calls
		}
		p.coming.Store(false)
		if p.turn.Load() == turn {
			return calls
		}
	}
}

// work is a thread's life.
func (p *pool) work(t *thread) {
	defer p.done.Done()
	for {
		i, ok := p.take()
		if !ok {
			if !p.rest(t) {
				return
			}
			continue
		}
		if calls := p.call(); calls > 0 { // this thread may be gone for long
			t.threads.Add(calls)
		}
		j := &p.jobs[i]
		if j.state.CompareAndSwap(queued, taken) {
			p.perform(t, j)
		}
		p.deliver(t, i)
	}
}

// rest sleeps until there may be work; false when there will be none.
func (p *pool) rest(t *thread) bool {
	p.idle.Add(1)
	turn := p.turn.Load()
	if p.head.Load() != p.tail.Load() {
		p.idle.Add(-1)
		return true
	}
	if p.stopping.Load() {
		return false
	}
	t.threads.Add(1)
	errno := p.calls.sleep(&p.turn, turn)
	if errno == 0 { // else nobody took it from idle
		p.coming.Store(false)
	} else {
		p.idle.Add(-1)
		if errno == unix.EINTR {
			t.interrupts.Add(1)
			runtime.Gosched() // the signal may be the runtime's, asking this goroutine to stop
		}
	}
	return true
}

// perform makes the job's call.
func (p *pool) perform(t *thread, j *job) {
	for {
		var n int
		var errno unix.Errno
		switch j.code {
		case backends.ReadAt:
			t.recv.Add(1)
			n, errno = p.calls.pread(j.fd, j.buf, j.off)
		case backends.WriteAt:
			t.send.Add(1)
			n, errno = p.calls.pwrite(j.fd, j.buf, j.off)
		default:
			t.other.Add(1)
			errno = p.calls.fsync(j.fd, j.code == backends.Fdatasync)
		}
		if errno != unix.EINTR {
			j.res = result(n, errno)
			return
		}
		t.interrupts.Add(1)
		runtime.Gosched()
	}
}

// deliver gives job i back and wakes the loop if it sleeps.
func (p *pool) deliver(t *thread, i uint32) {
	for {
		before := p.finished.Load()
		p.jobs[i].next = before
		if p.finished.CompareAndSwap(before, i+1) {
			break
		}
	}
	if p.loop.Load() == asleep && p.loop.CompareAndSwap(asleep, signalled) {
		t.threads.Add(1)
		_, _ = uapi.WriteRaw(p.eventfd, one, 0) // cannot fail before 1<<64 wake-ups
	}
}

// one is what a write adds to the eventfd.
var one = binary.NativeEndian.AppendUint64(nil, 1)

// mayBlock announces that the loop is about to sleep; false when it must not,
// as something has finished.
func (p *pool) mayBlock() bool {
	p.loop.Store(asleep)
	if p.finished.Load() == 0 {
		return true
	}
	p.loop.Store(awake)
	return false
}

// counters is what the threads have done so far. Any goroutine may call it.
func (p *pool) counters() (c backends.Counters) {
	for i := range p.threads {
		t := &p.threads[i]
		c[backends.SysRecv] += t.recv.Load()
		c[backends.SysSend] += t.send.Load()
		c[backends.SysThreads] += t.threads.Load()
		c[backends.SysOther] += t.other.Load()
		c[backends.Interrupts] += t.interrupts.Load()
	}
	return c
}

// stop ends the threads once the line is empty, and waits for them.
func (p *pool) stop() {
	p.stopping.Store(true)
	p.turn.Add(1)
	p.calls.wake(&p.turn, len(p.threads))
	p.done.Wait()
	if p.raw {
		holders.Add(-int32(len(p.threads) + 1))
	}
}
