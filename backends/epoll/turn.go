package epoll

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

// inLine is how many descriptors are to be read.
func (l *Loop) inLine() int {
	if l.turn.goesOn {
		return l.run.Len() + 1
	}
	return l.run.Len()
}

// next takes the descriptor to be read next; there must be one.
func (l *Loop) next() int32 {
	if l.turn.goesOn {
		l.turn.goesOn = false
		l.turn.left--
	} else {
		l.turn = turn{fd: l.run.Pop(), left: turnReads - 1}
	}
	return l.turn.fd
}
