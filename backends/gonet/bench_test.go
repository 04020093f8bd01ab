package gonet

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A round is one Write and one Read of 64 bytes over a socketpair, on one
// goroutine: what a loop adds to package net is the difference of the two.

func BenchmarkRoundLoop(b *testing.B) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	l, _ := backend{name: "net"}.Open(backends.Config{Bufs: 1})
	send := &backends.Op{Code: backends.Send, FD: int32(p[0]), Buf: make([]byte, 64)}
	recv := &backends.Op{Code: backends.Recv, FD: int32(p[1]), Flags: backends.SelectBuf}
	dst := make([]backends.Completion, 128)
	b.ReportAllocs()
	for b.Loop() {
		l.Submit(send)
		if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil || dst[0].Res != 64 {
			b.Fatal(n, err)
		}
		l.Submit(recv)
		if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil || dst[0].Res != 64 {
			b.Fatal(n, err)
		}
		l.Recycle(dst[0].Buf)
	}
	l.Close()
}

func BenchmarkRoundPlain(b *testing.B) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	var conns [2]net.Conn
	for i := range p {
		f := os.NewFile(uintptr(p[i]), "")
		if conns[i], err = net.FileConn(f); err != nil {
			b.Fatal(err)
		}
		f.Close()
		defer conns[i].Close()
	}
	msg, buf := make([]byte, 64), make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conns[0].Write(msg); err != nil {
			b.Fatal(err)
		}
		if n, err := conns[1].Read(buf); n != 64 || err != nil {
			b.Fatal(n, err)
		}
	}
}

// An empty Read makes no system call, so that these two show the loop alone.

func BenchmarkEmptyLoop(b *testing.B) {
	p, _ := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	l, _ := backend{name: "net"}.Open(backends.Config{Bufs: 1})
	recv := &backends.Op{Code: backends.Recv, FD: int32(p[1])}
	dst := make([]backends.Completion, 128)
	b.ReportAllocs()
	for b.Loop() {
		l.Submit(recv)
		if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil || dst[0].Res != 0 {
			b.Fatal(n, err)
		}
	}
	l.Close()
}
