package uring

import "github.com/ringbench/ringbench/backends"

// submitAlone enters the kernel with what was submitted, and neither waits nor
// asks for completions: what a program does that puts io_uring_submit where its
// system calls were. What the kernel does not take now the next Wait gives it.
func (l *Loop) submitAlone() {
	if l.bufs != nil {
		l.bufs.publish()
	}
	if n := l.ring.publish(); n > 0 {
		l.count(backends.SysWait)
		_, _ = l.enter(l.ring.enterFD, n, 0, l.ring.enterOr, nil, 0)
	}
}
