package uring

import "github.com/ringbench/ringbench/backends"

// submitAlone enters the kernel with what was submitted, and neither waits nor
// asks for completions: for ops that ask for it (backends.Prompt), and for all in a
// program that puts io_uring_submit where its system calls were. More than two
// entries of one call reach a block device when all are made (io_submit_state and
// blk_start_plug, io_uring/io_uring.c). What the kernel does not take now the next
// Wait gives it.
func (l *Loop) submitAlone() {
	l.early = true
	if l.bufs != nil {
		l.bufs.publish()
	}
	if n := l.ring.publish(); n > 0 {
		l.count(backends.SysWait)
		_, _ = l.enter(l.ring.enterFD, n, 0, l.ring.enterOr, nil, 0)
	}
}

// maxSkips is how many Waits in a row may make do with what completed as it was
// submitted, alone. With defer, what else has happened comes only when the loop asks
// for completions: a socket would wait for as long as reads of the page cache
// follow on each other.
const maxSkips = 64

// overdue reports whether a Wait that need not enter the kernel must.
func (l *Loop) overdue() bool {
	if !l.early || !l.feat.has(deferred) {
		return false
	}
	l.skipped = (l.skipped + 1) % maxSkips
	return l.skipped == 0
}
