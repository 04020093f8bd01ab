package meter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	if len(os.Args) > 1 && os.Args[1] == "burner" {
		burner()
	}
	child.Main(map[string]func(*child.Control) error{"worker": workerRole, "watcher": watcherRole})
	os.Exit(m.Run())
}

// An own is what a worker says of itself after some work: figures of getrusage
// and clock_gettime on itself, which are exact.
type own struct {
	CPUSeconds             float64
	Voluntary, Involuntary int64
	MaxRSS                 int64
}

func readOwn() own {
	var ts unix.Timespec
	var ru unix.Rusage
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts)
	_ = unix.Getrusage(unix.RUSAGE_SELF, &ru)
	return own{CPUSeconds: float64(ts.Nano()) / 1e9, Voluntary: ru.Nvcsw, Involuntary: ru.Nivcsw, MaxRSS: ru.Maxrss << 10}
}

var kept [][]byte

// workerRole does work of known kind on request.
func workerRole(c *child.Control) error {
	runtime.LockOSThread()
	jobs := map[string]func(n int) error{
		"nothing": func(int) error { return nil },
		"spin":    func(ms int) error { return burn(ms, spin) },
		"kernel": func(ms int) error {
			return burn(ms, func() error { // the kernel clears these pages
				b, err := unix.Mmap(-1, 0, 4<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
				if err != nil {
					return err
				}
				return unix.Munmap(b)
			})
		},
		"hog": func(ms int) error { // no other thread has this CPU meanwhile
			if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0); err != nil {
				return err
			}
			return errors.Join(burn(ms, spin), unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0))
		},
		"sleep":   func(n int) error { return nap(n, time.Millisecond) },
		"getppid": func(n int) error { getppid(n); return nil },
		"threads": func(n int) error { inThreads(4, func() { getppid(n) }); return nil },
		"helper": func(ms int) error {
			done := make(chan error)
			go func() {
				runtime.LockOSThread()
				// What the kernel calls a worker of io_uring's pool.
				err := os.WriteFile(fmt.Sprintf("/proc/self/task/%d/comm", unix.Gettid()), []byte("iou-wrk-77"), 0)
				if err == nil {
					err = burn(ms, spin)
				}
				done <- err
				_ = nap(1, time.Hour)
			}()
			return <-done
		},
		"grow": func(n int) error {
			b := make([]byte, n)
			for i := 0; i < n; i += 4096 {
				b[i] = 1
			}
			kept = append(kept, b)
			return nil
		},
		"hold": func(n int) error {
			var up sync.WaitGroup
			up.Add(n)
			for range n {
				go func() {
					runtime.LockOSThread()
					up.Done()
					_ = nap(1, time.Hour)
				}()
			}
			up.Wait()
			return nil
		},
	}
	handlers := map[string]func(json.RawMessage) (any, error){}
	for name, job := range jobs {
		handlers[name] = func(in json.RawMessage) (any, error) {
			var n int
			if err := json.Unmarshal(in, &n); err != nil {
				return nil, err
			}
			a := readOwn()
			if err := job(n); err != nil {
				return nil, err
			}
			b := readOwn()
			return own{b.CPUSeconds - a.CPUSeconds, b.Voluntary - a.Voluntary, b.Involuntary - a.Involuntary, b.MaxRSS}, nil
		}
	}
	for name, job := range map[string]func(n int) (own, error){"start": startBurners, "burn": burnAll, "end": endBurner} {
		handlers[name] = func(in json.RawMessage) (any, error) {
			var n int
			if err := json.Unmarshal(in, &n); err != nil {
				return nil, err
			}
			return job(n)
		}
	}
	c.Serve(handlers)
	return errors.New("unreachable")
}

// burn repeats f until this thread has used so many milliseconds of CPU.
func burn(ms int, f func() error) error {
	for end := threadCPU() + time.Duration(ms)*time.Millisecond; threadCPU() < end; {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func threadCPU() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

// spin takes about a millisecond, so that reading the clock, a system call,
// does not count.
func spin() error {
	for range 2_000_000 {
		sink++
	}
	return nil
}

var sink uint64

func nap(n int, d time.Duration) error {
	for range n {
		ts := unix.NsecToTimespec(int64(d))
		if err := unix.Nanosleep(&ts, nil); err != nil && err != unix.EINTR {
			return err
		}
	}
	return nil
}

func getppid(n int) {
	for range n {
		unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
	}
}

// inThreads runs f on n new threads, which then end.
func inThreads(n int, f func()) {
	var wg sync.WaitGroup
	for range n {
		wg.Add(1)
		go func() {
			runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
			defer wg.Done()
			f()
		}()
	}
	wg.Wait()
}

func worker(t *testing.T, cpus ...int) *child.Proc {
	t.Helper()
	p, err := child.Start(child.Spec{Role: "worker", CPUs: cpus})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(0) })
	do(t, p, "nothing", 0) // it is up
	return p
}

func do(t *testing.T, p *child.Proc, job string, n int) (o own) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.Call(ctx, job, n, &o); err != nil {
		t.Fatal(err)
	}
	return o
}
