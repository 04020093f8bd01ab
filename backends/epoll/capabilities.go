package epoll

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// capabilities lists what epoll offers, as this kernel answers when it is asked.
func capabilities() []backends.Capability {
	list := []backends.Capability{{
		Name: "syscall", Doc: "enter the kernel through the Go scheduler, as unix.Read and unix.Write do",
		Since: "package syscall of Go", Supported: true, Variant: "epoll+syscall",
	}, {
		Name: "readwrite", Doc: "read and write on non-blocking sockets, in place of recvfrom and sendto",
		Since: "read and write, any Linux", Supported: true, Variant: "epoll+readwrite",
	}, {
		Name: "mmsg", Doc: mmsgDoc, Since: "recvmmsg, Linux 2.6.33, and sendmmsg, Linux 3.0", Supported: true, Variant: "epoll+mmsg",
	}, {
		Name: "pread64, pwrite64, fsync", Doc: "files by a pool of threads that block",
		Since: "pread64, pwrite64 and fsync, any Linux", Supported: true, Default: true,
	}, {
		Name: "splice", Doc: backends.SpliceDoc, Since: backends.SpliceSince, Supported: true, Variant: "epoll+splice",
	}, {
		Name: "sendfile", Doc: backends.SendfileDoc, Since: backends.SendfileSince, Supported: true, Variant: "epoll+sendfile",
	}}
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	defer unix.Close(set)
	for _, c := range []struct {
		backends.Capability
		has bool
	}{
		{backends.Capability{Name: "EPOLLET", Doc: "an event tells of a change, not of a state", Since: "EPOLLET, Linux 2.6", Default: true}, takes(set, unix.EPOLLET)},
		{backends.Capability{Name: "EPOLLEXCLUSIVE", Doc: "an event wakes one of several epoll sets", Since: "EPOLLEXCLUSIVE, Linux 4.5"}, takes(set, unix.EPOLLEXCLUSIVE)},
		{backends.Capability{Name: "epoll_pwait2", Doc: "a wait has a time limit in nanoseconds", Since: "epoll_pwait2, Linux 5.11", Default: true}, (&backend{}).Probe() == nil},
		{backends.Capability{Name: "EPIOCSPARAMS", Doc: "polls the network device before it sleeps", Since: "EPIOCSPARAMS, Linux 6.9",
			Why: "loopback has no NAPI id: there is no device to poll"}, pollsDevices(set)},
	} {
		c.Supported = c.has
		if !c.has {
			c.Why, c.Default = "this kernel does not have it", false
		}
		list = append(list, c.Capability)
	}
	for i := range list {
		list[i].Usable = list[i].Why == ""
	}
	return list
}

// takes reports whether an epoll set takes a descriptor with that flag.
func takes(set int, flag uint32) bool {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.EpollCtl(set, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | flag, Fd: int32(fd)}) == nil
}

// pollsDevices asks for the parameters of busy polling, to be written to an
// address that is none: a kernel that knows the request says so.
func pollsDevices(set int) bool {
	return unix.IoctlSetInt(set, unix.EPIOCGPARAMS, 0) == unix.EFAULT
}
