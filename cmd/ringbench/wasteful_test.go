package main

import (
	"time"

	"github.com/ringbench/ringbench/backends"
)

// wasteful is the epoll backend with an allocation for each message.
const wasteful = "wasteful"

func registerWasteful() {
	backends.Register(backends.Family{Name: wasteful, New: func(backends.Variant) (backends.Backend, error) {
		b, err := backends.Lookup("epoll")
		return wastefulBackend{b}, err
	}})
}

type wastefulBackend struct{ backends.Backend }

func (b wastefulBackend) Open(c backends.Config) (backends.Loop, error) {
	l, err := b.Backend.Open(c)
	return &wastefulLoop{Loop: l}, err
}

type wastefulLoop struct {
	backends.Loop
	last *[64]byte
}

func (l *wastefulLoop) Wait(dst []backends.Completion, min int, timeout time.Duration) (int, error) {
	n, err := l.Loop.Wait(dst, min, timeout)
	for _, c := range dst[:n] {
		if c.Op.Code == backends.Recv {
			l.last = new([64]byte)
		}
	}
	return n, err
}
