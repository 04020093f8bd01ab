package workloads

import "github.com/ringbench/ringbench/backends"

// A piping is a passage through a pipe, by Splice: the bytes stay in the kernel.
// The pipe bounds what is on its way.
type piping struct {
	loop  backends.Loop
	owner flowOwner
	pipe  pipe
	fill  backends.Op
	empty backends.Op
	lent  int // ops in flight
	stops bool
}

// pipeBytes is how much one Splice asks for; a pipe holds less (pipe(7)).
const pipeBytes = 1 << 20

func newPiping(l backends.Loop, owner flowOwner) *piping { return &piping{loop: l, owner: owner} }

func (p *piping) start(from, to end) error {
	p.stops = false
	if err := p.pipe.make(); err != nil {
		return err
	}
	p.fill = backends.Op{Code: backends.Splice, Flags: from.flags, In: from.fd, FD: p.pipe.in, Off: backends.FromSocket, Len: pipeBytes, Done: p}
	p.empty = backends.Op{Code: backends.Splice, Flags: to.flags | backends.Inline, In: p.pipe.out, FD: to.fd, Off: backends.FromPipe, Done: p}
	p.next()
	return nil
}

// next fills the pipe, which is empty.
func (p *piping) next() {
	p.lent++
	p.loop.Submit(&p.fill)
}

// sendOff empties the pipe, which holds n bytes.
func (p *piping) sendOff(n int32) {
	p.empty.Len = n
	if p.loop.Submit(&p.empty) {
		p.next()
		return
	}
	p.lent++
}

// Complete receives the outcome of a Splice, or of a Close of the pipe.
func (p *piping) Complete(x *backends.Completion) {
	p.lent--
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
func (p *piping) idle() bool { return p.lent == 0 }

func (p *piping) clear() {
	closes := p.pipe.end(p)
	for i := range closes {
		p.lent++
		p.loop.Submit(&closes[i])
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
func (p *copying) Complete(x *backends.Completion) {
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
