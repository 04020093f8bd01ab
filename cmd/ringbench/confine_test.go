package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// confine takes the limits named by its flags upon this process and then
// executes ringbench with the arguments that are left. It returns only an error.
func confine(args []string) error {
	runtime.LockOSThread() // a filter is the thread's that asks for it; execve makes that one the process
	f := flag.NewFlagSet(confineRole, flag.ContinueOnError)
	errno := f.Int("errno", 0, "what the system calls of io_uring return that calls names")
	calls := f.String("calls", "setup", "setup, register, enter; with commas between them")
	memlock := f.Int("memlock", -1, "RLIMIT_MEMLOCK, bytes; goes with uid, as root has CAP_IPC_LOCK")
	tryRing := f.Bool("try-ring", false, "in place of ringbench, make a ring by the system call alone")
	register := f.Int("register", -1, "request of io_uring_register that fails")
	answer := f.Int("register-errno", int(unix.EINVAL), "what it returns; EINVAL is for a request that the kernel does not know")
	soft := f.Int("nofile-soft", 0, "RLIMIT_NOFILE")
	hard := f.Int("nofile-hard", 0, "RLIMIT_NOFILE")
	nproc := f.Int("nproc", 0, "RLIMIT_NPROC")
	fsize := f.Int("fsize", 0, "RLIMIT_FSIZE, bytes")
	uid := f.Int("uid", 0, "user and group")
	sysctl := f.String("sysctl", "", "file shown as /proc/sys/kernel/io_uring_disabled")
	ports := f.String("ports", "", "net.ipv4.ip_local_port_range, in a network of its own")
	exe := f.String("exe", "/proc/self/exe", "ringbench")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *hard > 0 {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(*soft), Max: uint64(*hard)}); err != nil {
			return fmt.Errorf("set RLIMIT_NOFILE: %w", err)
		}
	}
	if *nproc > 0 {
		if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: uint64(*nproc), Max: uint64(*nproc)}); err != nil {
			return fmt.Errorf("set RLIMIT_NPROC: %w", err)
		}
	}
	if *fsize > 0 {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(*fsize), Max: uint64(*fsize)}); err != nil {
			return fmt.Errorf("set RLIMIT_FSIZE: %w", err)
		}
	}
	if *memlock >= 0 {
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: uint64(*memlock), Max: uint64(*memlock)}); err != nil {
			return fmt.Errorf("set RLIMIT_MEMLOCK: %w", err)
		}
	}
	if *sysctl != "" {
		if err := errors.Join(
			unix.Unshare(unix.CLONE_NEWNS),
			unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount(*sysctl, "/proc/sys/kernel/io_uring_disabled", "", unix.MS_BIND, ""),
		); err != nil {
			return fmt.Errorf("hide the sysctl: %w", err)
		}
	}
	if *ports != "" {
		if err := ownNetwork(*ports); err != nil {
			return err
		}
	}
	if *uid > 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(*uid), syscall.Setuid(*uid)); err != nil {
			return fmt.Errorf("change the user: %w", err)
		}
	}
	if *errno > 0 {
		if err := failCalls(*errno, strings.Split(*calls, ",")); err != nil {
			return err
		}
	}
	if *register >= 0 {
		if err := failRegister(*register, *answer); err != nil {
			return err
		}
	}
	if *tryRing {
		return makeRing()
	}
	return syscall.Exec(*exe, append([]string{"ringbench"}, f.Args()...), os.Environ())
}

// ownNetwork moves this thread to a network that has nothing but a loopback
// interface and those ephemeral ports.
func ownNetwork(ports string) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare the network: %w", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte(ports), 0o644)
}

// makeRing asks for the smallest ring. The kernel fills in its parameters, 120
// bytes of which zeros ask for nothing special (struct io_uring_params).
func makeRing() error {
	params := new([120]byte)
	_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, reflect.ValueOf(params).Pointer(), 0)
	runtime.KeepAlive(params)
	if errno != 0 {
		return errno
	}
	return nil
}

// The system calls of io_uring have the same numbers on all architectures.
var ringCalls = map[string]uint32{"setup": unix.SYS_IO_URING_SETUP, "enter": unix.SYS_IO_URING_ENTER, "register": unix.SYS_IO_URING_REGISTER}

// failCalls installs a seccomp filter that lets system calls of io_uring fail,
// as container runtimes do.
func failCalls(errno int, calls []string) error {
	filter := []unix.SockFilter{{Code: load, K: 0}}
	for _, call := range calls {
		filter = append(filter, unix.SockFilter{Code: equal, K: ringCalls[call], Jf: 1}, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(errno)})
	}
	filter = append(filter, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
	return install(filter)
}

// failRegister makes the kernel one that refuses a request of io_uring_register,
// whose second argument it is.
func failRegister(request, errno int) error {
	return install([]unix.SockFilter{
		{Code: load, K: 0},
		{Code: equal, K: unix.SYS_IO_URING_REGISTER, Jf: 3},
		{Code: load, K: 24}, // its lower half, on a little-endian machine
		{Code: equal, K: uint32(request), Jf: 1},
		{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	})
}

// Instructions of a seccomp filter.
const (
	load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS // of seccomp_data: the call's number at 0, its arguments from 16
	equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	ret   = unix.BPF_RET | unix.BPF_K
)

func install(filter []unix.SockFilter) error {
	program := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	// reflect gives the address without package unsafe, which stands elsewhere only.
	address := reflect.ValueOf(program).Pointer()
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, address)
	runtime.KeepAlive(program)
	if e != 0 {
		return fmt.Errorf("install the filter: %w", e)
	}
	return nil
}
