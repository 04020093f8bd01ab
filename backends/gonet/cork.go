package gonet

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// Package net has no flags for a send, so that with the feature cork what is
// Followed is held back by TCP_CORK (tcp(7)), until what follows is sent. A program
// would set it by SyscallConn.

// cork holds back what e's call is about to send, if more follows or it goes out in
// several parts.
func (l *loop) cork(e *entry) {
	if e.desc.corked || !e.op.Corks() && (e.op.Code != backends.Send || e.op.Flags&backends.Followed == 0) {
		return
	}
	e.desc.corked = l.setCork(e.desc, 1)
}

// uncork sends off what is held back, if e's call was the last.
func (l *loop) uncork(e *entry) {
	if e.op.Code == backends.Sendfile || e.op.Code == backends.Send && e.op.Flags&backends.Followed == 0 {
		e.desc.corked = !l.setCork(e.desc, 0)
	}
}

// setCork is false for a socket that has no such thing.
func (l *loop) setCork(d *desc, on int) bool {
	l.tally.Counters[backends.SysOther]++
	return unix.SetsockoptInt(int(d.fd), unix.IPPROTO_TCP, unix.TCP_CORK, on) == nil
}
