package epoll

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/uapi"
)

// turnReads is how many reads in a row a descriptor has before those in line. What a
// stream has queued at its socket is still in the cache while it is taken, and taking
// it lets the peer send much at once, in place of a buffer's worth at each turn.
const turnReads = 16

// A turn is of the descriptor that was read last.
type turn struct {
	fd     int32
	left   int32 // reads
	goesOn bool  // it is the next to be read
}

// schedule has fd read when there is something to do for it.
func (l *Loop) schedule(fd int32, d *desc) {
	if !d.ready || d.queued || d.starved || d.in.head == nil {
		return
	}
	d.queued = true
	if fd == l.turn.fd && l.turn.left > 0 {
		l.turn.goesOn = true
		return
	}
	l.run.Push(fd)
}

// announced takes in what the kernel has told. Where that is nothing but arrivals, as
// for nearly every message, and none is in line, they are the line.
func (l *Loop) announced(events []uapi.EpollEvent) {
	if l.inLine() == 0 && !slices.ContainsFunc(events, func(ev uapi.EpollEvent) bool { return ev.Events != unix.EPOLLIN }) {
		l.news = events
		return
	}
	for i := range events {
		l.event(&events[i])
	}
}

// takeNews puts what is left of the news in line.
func (l *Loop) takeNews() {
	for i := range l.news {
		l.event(&l.news[i])
	}
	l.news = nil
}

// inLine is how many descriptors are to be read.
func (l *Loop) inLine() int {
	n := len(l.news) + l.run.Len()
	if l.turn.goesOn {
		n++
	}
	return n
}

// readNext reads the descriptor that is next in line, of which there must be one, and
// returns the bytes that it moved.
func (l *Loop) readNext() int {
	switch {
	case l.turn.goesOn:
		l.turn.goesOn = false
		l.turn.left--
	case len(l.news) > 0:
		ev := &l.news[0]
		l.news = l.news[1:]
		d := &l.fds[ev.Fd]
		if d.gen != ev.Pad || d.in.head == nil || d.queued || d.starved || d.burst.size > 0 {
			l.event(ev)
			return 0
		}
		d.ready = true
		l.turn = turn{fd: ev.Fd, left: turnReads - 1}
	default:
		l.turn = turn{fd: l.run.Pop(), left: turnReads - 1}
	}
	return l.receive(l.turn.fd)
}
