package backends

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Each change is two calls, and what is so already one.
func TestSetNonblock(t *testing.T) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	for _, step := range []struct {
		on, changed bool
		calls       uint64
	}{{true, true, 2}, {true, false, 1}, {false, true, 2}, {false, false, 1}} {
		var c Counters
		changed, err := SetNonblock(&c, int32(p[0]), step.on)
		if changed != step.changed || err != nil || c.Syscalls() != step.calls {
			t.Errorf("%+v: changed %v, %v, %d calls", step, changed, err, c.Syscalls())
		}
		if flags, err := unix.FcntlInt(uintptr(p[0]), unix.F_GETFL, 0); err != nil || (flags&unix.O_NONBLOCK != 0) != step.on {
			t.Errorf("%+v: the flags are %#x, %v", step, flags, err)
		}
	}
	var c Counters
	if changed, err := SetNonblock(&c, -1, true); changed || err != unix.EBADF || c.Syscalls() != 1 {
		t.Errorf("no descriptor: changed %v, %v, %d calls", changed, err, c.Syscalls())
	}
}
