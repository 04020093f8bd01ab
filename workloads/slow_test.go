package workloads

import (
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// A ready loop completes a receive of one message at every Wait.
type ready struct {
	backends.Loop
	op backends.Op
}

func (r *ready) Wait(dst []backends.Completion, _ int, _ time.Duration) (int, error) {
	dst[0] = backends.Completion{Op: &r.op, Res: 64}
	return 1, nil
}

// What is spun is so much for every message, by the thread's CPU clock around all
// of it, in small parts and in large ones.
func TestSlowIsExact(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tolerance, total, tries := 0.3, 40*time.Millisecond, 5
	if testenv.IsLong() {
		tolerance, total, tries = 0.01, 100*time.Millisecond, 40
	}
	dst := make([]backends.Completion, 1)
	for _, each := range []float64{10_000, 333_333} {
		var off []float64
		for range tries { // the clock has interrupts, too: one must find the machine calm
			l := newSlowLoop(&ready{op: backends.Op{Code: backends.Recv}}, Slow{Nanos: each, Bytes: 64})
			messages := int(float64(total) / each)
			begin := threadCPU()
			for range messages + 1 { // the last is owed still
				if _, err := l.Wait(dst, 1, -1); err != nil {
					t.Fatal(err)
				}
			}
			took := float64(threadCPU()-begin) / float64(messages)
			off = append(off, took/each-1)
			if math.Abs(took/each-1) <= tolerance {
				t.Logf("%.0f ns a message, asked for %.0f", took, each)
				break
			}
		}
		if last := off[len(off)-1]; math.Abs(last) > tolerance {
			t.Errorf("of %.0f ns a message the spin is off by %.3f", each, off)
		}
	}
}

// What is spun is no less when another thread is woken on the same CPU again and
// again, as the other server of a duet is: the time of that thread is not taken for
// a spin. By the thread's CPU clock it is more, as the interrupts are charged to
// whom they meet.
func TestSlowAmongOthers(t *testing.T) {
	const (
		each, messages = 700, 300_000
		missing        = 0.05 // of 19 % where the wall clock alone decides
	)
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	for cpu := range len(before) * 64 {
		if before.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	pin := func() error {
		runtime.LockOSThread()
		return unix.SchedSetaffinity(0, &one)
	}
	l := newSlowLoop(&ready{op: backends.Op{Code: backends.Recv}}, Slow{Nanos: each, Bytes: 64}) // calibrated alone
	var stop atomic.Bool
	other := make(chan error)
	go func() { // its thread ends with it, pinned as it is
		err := pin()
		x := uint64(0)
		for pause := unix.NsecToTimespec(1e5); err == nil && !stop.Load(); {
			_ = unix.Nanosleep(&pause, nil)
			x = iterate(x, 8_000)
		}
		other <- err
	}()
	found := make(chan error)
	go func() {
		err := pin()
		dst := make([]backends.Completion, 1)
		begin := threadCPU()
		for i := 0; i < messages && err == nil; i++ {
			_, err = l.Wait(dst, 1, -1)
		}
		took := float64(threadCPU() - begin)
		t.Logf("asked for %d ns a message, took %.0f", each, took/messages)
		if err == nil && took < (1-missing)*each*messages {
			err = fmt.Errorf("took %.0f ns of CPU a message, asked for %d", took/messages, each)
		}
		found <- err
	}()
	if err := <-found; err != nil {
		t.Error(err)
	}
	stop.Store(true)
	if err := <-other; err != nil {
		t.Error(err)
	}
}

func TestSlowDoesNotAllocate(t *testing.T) {
	l := newSlowLoop(&ready{op: backends.Op{Code: backends.RecvFrom}}, Slow{Nanos: 20_000, Bytes: 64})
	dst := make([]backends.Completion, 1)
	if n := testing.AllocsPerRun(20, func() { _, _ = l.Wait(dst, 1, -1) }); n != 0 {
		t.Errorf("%v allocations a turn", n)
	}
}
