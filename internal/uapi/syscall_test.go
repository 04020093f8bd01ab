package uapi_test

import (
	"fmt"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// The three calls reach the kernel, and their errors come back.
func TestCalls(t *testing.T) {
	var p uapi.Params
	fd, errno := uapi.Setup(4, &p)
	if errno != 0 {
		testenv.Need(t, "uring", fmt.Errorf("io_uring_setup: %w", errno))
	}
	defer unix.Close(fd)
	if p.SQEntries != 4 || p.CQEntries < 4 || p.Features&uapi.FeatNoDrop == 0 {
		t.Errorf("params %+v", p)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v", flags, err)
	}
	probe := new(uapi.Probe)
	if _, errno := uapi.Register(fd, uapi.RegisterProbe, unsafe.Pointer(probe), uint32(len(probe.Ops))); errno != 0 {
		t.Fatal(errno)
	}
	if !probe.Has(uapi.OpRecv) || probe.Has(255) {
		t.Errorf("the probe says recv %v, 255 %v", probe.Has(uapi.OpRecv), probe.Has(255))
	}
	if n, errno := uapi.Enter(fd, 0, 0, uapi.EnterGetEvents, nil, 0); n != 0 || errno != 0 {
		t.Errorf("%d, %v", n, errno)
	}
	ts := &uapi.Timespec{Nsec: 1e6}
	arg := &uapi.GetEventsArg{TS: uint64(uintptr(unsafe.Pointer(ts)))}
	if _, errno := uapi.Enter(fd, 0, 1, uapi.EnterGetEvents|uapi.EnterExtArg, unsafe.Pointer(arg), unsafe.Sizeof(*arg)); errno != unix.ETIME && errno != unix.EINTR {
		t.Errorf("a wait for nothing ended with %v", errno)
	}
	if _, errno := uapi.Enter(-1, 0, 0, 0, nil, 0); errno != unix.EBADF {
		t.Error(errno)
	}
	if ts.Nsec != 1e6 {
		t.Error("the time limit was changed")
	}
}
