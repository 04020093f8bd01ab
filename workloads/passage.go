package workloads

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A piping is a passage through a pipe, by Splice: the bytes stay in the kernel.
// The pipe bounds what is on its way.
type piping struct {
	loop  backends.Loop
	owner flowOwner
	pipe  [2]int
	open  bool
	fill  backends.Op
	empty backends.Op
	lent  bool // one of them is in flight
	stops bool
}

// pipeBytes is how much one Splice asks for; a pipe holds less (pipe(7)).
const pipeBytes = 1 << 20

func newPiping(l backends.Loop, owner flowOwner) *piping { return &piping{loop: l, owner: owner} }

func (p *piping) start(from, to end) error {
	p.stops = false
	if err := unix.Pipe2(p.pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	p.open = true
	p.fill = backends.Op{Code: backends.Splice, Flags: from.flags, In: from.fd, FD: int32(p.pipe[1]), Off: backends.FromSocket, Len: pipeBytes, Done: p}
	p.empty = backends.Op{Code: backends.Splice, Flags: to.flags | backends.Inline, In: int32(p.pipe[0]), FD: to.fd, Off: backends.FromPipe, Done: p}
	p.next()
	return nil
}

// next fills the pipe, which is empty.
func (p *piping) next() {
	p.lent = true
	p.loop.Submit(&p.fill)
}

// sendOff empties the pipe, which holds n bytes.
func (p *piping) sendOff(n int32) {
	p.empty.Len = n
	if p.loop.Submit(&p.empty) {
		p.next()
		return
	}
	p.lent = true
}

// Complete receives the outcome of a Splice.
func (p *piping) Complete(x backends.Completion) {
	p.lent = false
	switch {
	case p.stops:
		p.owner.settle()
	case x.Res < 0:
		p.owner.broken()
	case x.Op == &p.fill && x.Res == 0:
		p.owner.drained()
	case x.Op == &p.fill:
		p.sendOff(int32(x.Res))
	case int32(x.Res) < p.empty.Len:
		p.sendOff(p.empty.Len - int32(x.Res))
	default:
		p.next()
	}
}

func (p *piping) stop()      { p.stops = true }
func (p *piping) idle() bool { return !p.lent }

func (p *piping) clear() {
	if p.open {
		unix.Close(p.pipe[0])
		unix.Close(p.pipe[1])
		p.open = false
	}
}

// A copying is a passage that the loop makes by itself, by Copy.
type copying struct {
	loop  backends.Loop
	owner flowOwner
	op    backends.Op
	lent  bool
	stops bool
}

func newCopying(l backends.Loop, owner flowOwner) *copying { return &copying{loop: l, owner: owner} }

func (p *copying) start(from, to end) error {
	p.op = backends.Op{Code: backends.Copy, In: from.fd, FD: to.fd, Done: p}
	p.lent, p.stops = true, false
	p.loop.Submit(&p.op)
	return nil
}

// Complete receives the outcome of the Copy.
func (p *copying) Complete(x backends.Completion) {
	p.lent = false
	switch {
	case p.stops:
		p.owner.settle()
	case x.Res < 0:
		p.owner.broken()
	default:
		p.owner.drained()
	}
}

func (p *copying) stop()      { p.stops = true }
func (p *copying) idle() bool { return !p.lent }
func (p *copying) clear()     {}
