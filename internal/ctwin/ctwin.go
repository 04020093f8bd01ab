// Package ctwin holds C programs of the same design as our backends, on raw
// system calls, against which the backends are measured:
//
//	cc -O2 -o /tmp/c-epoll internal/ctwin/src/epoll.c
//	go run ./cmd/ringbench echo --duet --backend=epoll --server-cmd='c-epoll=/tmp/c-epoll {port}'
package ctwin

import "embed"

// Sources are the programs: src/epoll.c and src/uring.c, echo servers that take a port.
//
//go:embed src/*.c
var Sources embed.FS
