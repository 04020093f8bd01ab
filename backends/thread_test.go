package backends

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// In a process whose first timer is set on a thread with descriptors of its
// own, all threads go on finding the runtime's poller.
func TestOwnDescriptors(t *testing.T) {
	const child = "RINGBENCH_TEST_OWN_DESCRIPTORS"
	if os.Getenv(child) != "" {
		slept := make(chan error)
		go func() {
			err := OwnDescriptors()
			time.Sleep(20 * time.Millisecond)
			slept <- err
		}()
		if err := <-slept; err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // on another thread
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestOwnDescriptors$", "-test.timeout=0") // which would be a timer
	cmd.Env = append(os.Environ(), child+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %.300s", err, out)
	}
}

// A thread that has ended is no owner, nor is another that has its number.
func TestOwnersEnd(t *testing.T) {
	var own func() (tid int)
	own = func() (tid int) {
		ended := make(chan int)
		go func() {
			runtime.LockOSThread()
			if unix.Gettid() == unix.Getpid() { // the runtime keeps the first thread
				ended <- own()
				runtime.UnlockOSThread()
				return
			}
			if err := OwnDescriptors(); err != nil {
				t.Error(err)
			} else if !OwnsDescriptors() {
				t.Error("a thread with a table of its own is not known to have it")
			}
			ended <- unix.Gettid()
		}()
		return <-ended
	}
	first := own()
	for end := time.Now().Add(20 * time.Second); unix.Tgkill(unix.Getpid(), first, 0) != unix.ESRCH; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a locked goroutine has ended and its thread has not")
		}
	}
	own()
	if _, kept := owners.Load(first); kept {
		t.Error("a thread that has ended is kept")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer owners.Delete(unix.Gettid())
	owners.Store(unix.Gettid(), "of another")
	if OwnsDescriptors() {
		t.Error("a thread passes for an earlier one of its number")
	}
}
