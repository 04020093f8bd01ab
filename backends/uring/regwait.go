package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// registerWaits makes a page of memory the region of a ring that is disabled
// still, for the arguments of waits, and enables the ring.
func registerWaits(fd int) (page []byte, errno unix.Errno) {
	page, err := unix.Mmap(-1, 0, backends.PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, errnoOf(err)
	}
	// The kernel pins the page, which must not become a copy after a fork.
	if err := unix.Madvise(page, unix.MADV_DONTFORK); err != nil {
		unmap(page)
		return nil, errnoOf(err)
	}
	region := &uapi.RegionDesc{UserAddr: address(page), Size: uint64(len(page)), Flags: uapi.MemRegionTypeUser}
	reg := &uapi.MemRegionReg{Region: uint64(uintptr(unsafe.Pointer(region))), Flags: uapi.MemRegionRegWaitArg}
	errno = patiently(func() unix.Errno {
		_, errno := sysRegister(fd, uapi.RegisterMemRegion, unsafe.Pointer(reg), 1)
		return errno
	})
	if errno == 0 {
		_, errno = sysRegister(fd, uapi.RegisterEnableRings, nil, 0)
	}
	if errno != 0 {
		unmap(page)
		return nil, errno
	}
	return page, 0
}

// tryRegWait waits for a microsecond by registered arguments.
func tryRegWait(*ring) (bool, unix.Errno) {
	r, errno := newRing(1, 2, uapi.SetupRDisabled, 0, 0)
	if errno != 0 {
		return false, unless(errno, unix.EINVAL)
	}
	defer r.close()
	page, errno := registerWaits(r.fd)
	if errno != 0 {
		return false, unless(errno, unix.EINVAL)
	}
	defer unmap(page)
	reg := (*uapi.RegWait)(unsafe.Pointer(unsafe.SliceData(page)))
	reg.TS.Nsec, reg.Flags = 1000, uapi.RegWaitTS
	for {
		_, errno = uapi.Enter(r.fd, 0, 1, uapi.EnterGetEvents|uapi.EnterExtArg|uapi.EnterExtArgReg, nil, unsafe.Sizeof(*reg))
		if errno != unix.EINTR {
			return errno == unix.ETIME, unless(errno, unix.ETIME, unix.EINVAL, unix.EFAULT)
		}
	}
}
