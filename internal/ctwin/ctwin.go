// Package ctwin holds C programs of the same design as our backends, on raw
// system calls, against which the backends are measured, and builds them with
// the system's C compiler. By hand:
//
//	cc -O2 -o /tmp/c-epoll internal/ctwin/src/epoll.c
//	go run ./cmd/ringbench echo --duet --backend=epoll --server-cmd='c-epoll=/tmp/c-epoll {port}'
//
// Each is an echo server on 127.0.0.1 that ends with status 0 at SIGTERM. It
// takes a port, the bytes of a receive buffer and, for uring, the number of
// buffers.
package ctwin

import "embed"

// The programs.
const (
	Epoll   = "epoll"
	Uring   = "uring"
	Threads = "threads"
)

// Sources are the programs: src/NAME.c, and the header that they share.
//
//go:embed src
var Sources embed.FS
