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
		for name, c := range map[string]struct {
			op   string
			rate float64
		}{"read": {OpRead, 0}, "fsync": {OpFsync, 0}, "paced": {OpRead, 20_000}} {
			t.Run(backend+"/"+name, func(t *testing.T) {
				k := hotFile(t, backend, c.op, 8, c.rate)
				turn := func() {
					if err := k.turn(); err != nil {
						t.Fatal(err)
					}
				}
				for range 50 { // until every queue has its size
					turn()
				}
				n := 1.0
				for try := 0; try < 5 && n > 0; try++ { // the runtime may allocate as well, but not each time
					n = testing.AllocsPerRun(50, turn)
				}
				if n > 0 {
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
				k := hotFile(b, backend, OpRead, depth, 0)
				for b.ResetTimer(); k.ended < uint64(b.N); {
					if err := k.turn(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// hotFile is a loop with a small file, that many operations in flight, or so many a
// second where there is a rate, and a window without an end, on this goroutine and its
// thread.
func hotFile(tb testing.TB, backend, op string, depth int, rate float64) *fileLoop {
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
		cfg:    ReadConfig{Backend: backend, Op: op, Path: path, Bytes: blocks * size, Size: size, Depth: depth, Loops: 1, Random: true, Seed: 1, Rate: rate, Arrivals: load.Poisson},
		traits: b.Traits(), blocks: blocks, holds: NewPattern(1), writes: NewPattern(2), begin: make(chan struct{}),
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
	r.loops = []*fileLoop{k}
	if rate > 0 && r.traits.Blocking {
		if r.bell, err = newBell(); err != nil {
			tb.Fatal(err)
		}
	}
	r.Start(load.Window{Start: load.Monotonic(), Close: 1 << 62})
	if rate > 0 {
		k.openLoop()
	}
	tb.Cleanup(func() {
		for len(k.free) < len(k.slots) {
			if err := k.reap(-1); err != nil {
				tb.Error(err)
				break
			}
		}
		k.loop.Close()
		r.bell.ring()
		runtime.UnlockOSThread()
	})
	return k
}
