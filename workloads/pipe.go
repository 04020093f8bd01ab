package workloads

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A pipe is one that a loop fills and empties by Splice. It is closed by Close ops,
// for a loop may have kept something of its descriptors, whose numbers others will
// have next.
type pipe struct {
	out, in int32 // its ends: what is written to in is read from out
	open    bool
	closes  [2]backends.Op
}

// make opens it; an error is want of descriptors.
func (p *pipe) make() error {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	p.out, p.in, p.open = int32(fds[0]), int32(fds[1]), true
	return nil
}

// end gives the ops that close it, which its user submits: none if it is not open.
// No op uses the pipe.
func (p *pipe) end(done backends.Handler) []backends.Op {
	if !p.open {
		return nil
	}
	p.open = false
	for i, fd := range [...]int32{p.out, p.in} {
		p.closes[i] = backends.Op{Code: backends.Close, FD: fd, Done: done}
	}
	return p.closes[:]
}
