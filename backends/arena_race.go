//go:build race

package backends

import (
	"runtime"
	"unsafe"
)

// The detector knows the Go heap only, so race builds take the arena from
// there. The heap does not move and the Arena keeps the memory alive.
func mapArena(size int) ([]byte, error) {
	mem := make([]byte, size+PageSize)
	off := -uintptr(unsafe.Pointer(unsafe.SliceData(mem))) & (PageSize - 1)
	return mem[off : off+uintptr(size) : off+uintptr(size)], nil
}

func unmapArena([]byte) error { return nil }

// Lend tells the race detector that the kernel may use b from now on: as a
// write where the kernel fills it, else as a read, by the calling goroutine. A
// goroutine that touches b meanwhile without synchronising is reported.
func Lend(b []byte, kernelWrites bool) { announce(b, kernelWrites) }

// Unlend tells the race detector that the kernel no longer uses b.
func Unlend(b []byte, kernelWrites bool) { announce(b, kernelWrites) }

func announce(b []byte, write bool) {
	if len(b) == 0 {
		return
	}
	if write {
		runtime.RaceWriteRange(unsafe.Pointer(unsafe.SliceData(b)), len(b))
	} else {
		runtime.RaceReadRange(unsafe.Pointer(unsafe.SliceData(b)), len(b))
	}
}
