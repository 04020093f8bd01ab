package workloads

import (
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
)

// A busyLoop says what has been taken of a schedule while it carries out an operation.
type busyLoop struct {
	backends.Loop
	look func()
}

func (l busyLoop) Submit(*backends.Op) bool { return false }

func (l busyLoop) Wait([]backends.Completion, int, time.Duration) (int, error) {
	l.look()
	return 0, nil
}

// What is due next is nobody's while the only loop that has taken something is busy
// with that: whoever is free takes it.
func TestBusyLoopTakesNothing(t *testing.T) {
	takers := load.NewPacer(load.Window{}, 1e9, load.Constant, 0, 0, 1).Share(2)
	k := &fileLoop{r: &Reader{cfg: ReadConfig{Size: 512}, blocks: 1}, dues: takers[0], slots: make([]fileSlot, 1)}
	k.slots[0].k, k.free = k, []*fileSlot{&k.slots[0]}
	k.openLoop()
	looked := false
	k.loop = busyLoop{look: func() {
		looked = true
		if due := takers[1].Take(); due != 1 {
			t.Errorf("the other loop takes what is due at %d, not at 1", due)
		}
	}}
	if err := k.turn(); err != nil || !looked || k.slots[0].due != 0 {
		t.Errorf("%v; looked: %v; due at %d", err, looked, k.slots[0].due)
	}
}
