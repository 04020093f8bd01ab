package workloads

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/testenv"
)

// In steady state a turn of a loop allocates nothing.
func TestReadsAllocateNothing(t *testing.T) {
	for _, backend := range []string{"uring", "uring+fixedbufs", "epoll", "threadpool"} {
		for _, op := range []string{OpRead, OpFsync} {
			t.Run(backend+"/"+op, func(t *testing.T) {
				k := hotFile(t, backend, op, 8)
				turn := func() {
					if err := k.turn(); err != nil {
						t.Fatal(err)
					}
				}
				for range 50 { // until every queue has its size
					turn()
				}
				if n := testing.AllocsPerRun(50, turn); n > 0 {
					t.Errorf("%v allocations a turn", n)
				}
			})
		}
	}
}

// BenchmarkRead is a read of 4 KiB from the page cache, verified and counted.
func BenchmarkRead(b *testing.B) {
	for _, backend := range []string{"uring", "epoll", "threadpool"} {
		for _, depth := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s/depth=%d", backend, depth), func(b *testing.B) {
				k := hotFile(b, backend, OpRead, depth)
				for b.ResetTimer(); k.ended < uint64(b.N); {
					if err := k.turn(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// hotFile is a loop with a small file, that many operations in flight and a window
// without an end, on this goroutine and its thread.
func hotFile(tb testing.TB, backend, op string, depth int) *fileLoop {
	tb.Helper()
	runtime.LockOSThread()
	b, err := backends.Lookup(backend)
	if err != nil {
		tb.Fatal(err)
	}
	testenv.Need(tb, "uring", b.Probe())
	const size, blocks = 4096, 32
	all := make([]byte, blocks*size)
	NewPattern(1).Fill(all, 0)
	path := filepath.Join(tb.TempDir(), "file")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		tb.Fatal(err)
	}
	r := &Reader{
		cfg:    ReadConfig{Backend: backend, Op: op, Path: path, Bytes: blocks * size, Size: size, Depth: depth, Loops: 1, Random: true, Seed: 1},
		traits: b.Traits(), blocks: blocks, holds: NewPattern(1), writes: NewPattern(2), window: load.Window{Close: 1 << 62},
	}
	if err := r.open(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	k, err := newFileLoop(r, 0)
	if err != nil {
		tb.Fatal(err)
	}
	if k.loop, err = b.Open(r.cfg.LoopConfig(0, r.traits)); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		for len(k.free) < len(k.slots) {
			if err := k.reap(); err != nil {
				tb.Error(err)
				break
			}
		}
		k.loop.Close()
		runtime.UnlockOSThread()
	})
	return k
}
