package workloads

import (
	"os"
	"path/filepath"
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
				b, err := backends.Lookup(backend)
				if err != nil {
					t.Fatal(err)
				}
				testenv.Need(t, "uring", b.Probe())
				const size, blocks = 4096, 32
				all := make([]byte, blocks*size)
				NewPattern(1).Fill(all, 0)
				path := filepath.Join(t.TempDir(), "file")
				if err := os.WriteFile(path, all, 0o600); err != nil {
					t.Fatal(err)
				}
				r := &Reader{
					cfg:    ReadConfig{Backend: backend, Op: op, Path: path, Bytes: blocks * size, Size: size, Depth: 8, Loops: 1, Random: true, Seed: 1},
					traits: b.Traits(), blocks: blocks, holds: NewPattern(1), writes: NewPattern(2), window: load.Window{Close: 1 << 62},
				}
				if err := r.open(); err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				k, err := newFileLoop(r, 0)
				if err != nil {
					t.Fatal(err)
				}
				if k.loop, err = b.Open(r.cfg.LoopConfig(0, r.traits)); err != nil {
					t.Fatal(err)
				}
				defer k.loop.Close()
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
				for len(k.free) < len(k.slots) {
					if err := k.reap(); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}
