package backends

import (
	"os"
	"os/exec"
	"testing"
	"time"
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
