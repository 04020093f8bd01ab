//go:build !race

package backends

import "golang.org/x/sys/unix"

func mapArena(size int) ([]byte, error) {
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
}
func unmapArena(mem []byte) error { return unix.Munmap(mem) }

// Lend and Unlend tell the race detector that the kernel may use b from now on,
// and that it no longer does. Without the detector they are nothing.
func Lend(b []byte, kernelWrites bool)   {}
func Unlend(b []byte, kernelWrites bool) {}
