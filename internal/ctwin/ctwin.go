// Package ctwin holds C programs of the same design as our backends, on raw
// system calls, against which the backends are measured, and builds them with
// the system's C compiler. By hand:
//
//	cc -O2 -o /tmp/c-epoll internal/ctwin/src/epoll.c
//	go run ./cmd/ringbench echo --duet --backend=epoll --server-cmd='c-epoll=/tmp/c-epoll {port}'
//
// Each ends with status 0 at SIGTERM. Most are servers on 127.0.0.1: they echo, or are
// proxies, and take a port, a proxy the address of its origin too, and, where they have
// them, the bytes of a receive buffer and, for io_uring, the number of buffers. Those
// that read a file drive themselves and answer calls as a child of ringbench does
// (internal/child): src/drive.h.
package ctwin

import "embed"

// The programs.
const (
	Epoll   = "epoll"
	Uring   = "uring"
	Threads = "threads"

	ProxyEpoll  = "proxy-epoll"
	ProxySplice = "proxy-splice"
	ProxyUring  = "proxy-uring"

	ReadPread = "read-pread"
	ReadUring = "read-uring"
)

// Sources are the programs: src/NAME.c, and the headers that they share.
//
//go:embed src
var Sources embed.FS
