package uapi

import (
	"sync/atomic"
	"unsafe"
)

// StoreRelease writes a word that the kernel reads after what was written before it.
// On amd64 any store is that; one of package atomic is an XCHG, which waits besides
// until those before it are done.
func StoreRelease(word *atomic.Uint32, v uint32) { *(*uint32)(unsafe.Pointer(word)) = v }
