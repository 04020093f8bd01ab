package meter

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What is mapped and touched is counted, to the page, and what is only mapped
// is not.
func TestAnonymous(t *testing.T) {
	const size = 64 << 20
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mem)
	grown := func() int64 {
		n, err := Anonymous(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := grown()
	if d := grown() - before; d > size/4 {
		t.Errorf("%d bytes more after nothing was touched", d)
	}
	for i := 0; i < size/2; i += os.Getpagesize() {
		mem[i] = 1
	}
	if d := grown() - before; d < size/2-size/8 || d > size/2+size/8 { // the test's own heap grows and shrinks
		t.Errorf("%d bytes more after %d were touched", d, size/2)
	}
	if _, err := Anonymous(1 << 30); err == nil {
		t.Error("the memory of a process that does not exist was read")
	}
}

// A descriptor of a pipe of its own takes kernel objects: of 4,000 pipes there
// must be seen more than the kernel's smallest, and less than what their buffers
// would be if they had any.
func TestKernelMemory(t *testing.T) {
	const pipes = 4000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max < 2*pipes+100 {
		t.Skipf("descriptors are limited to %d", limit.Max)
	}
	var last string
	for range 5 { // others allocate and free at the same time
		before, source, err := KernelMemory()
		if err != nil {
			t.Fatal(err)
		}
		var fds []int
		for range pipes {
			var p [2]int
			if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
				break
			}
			fds = append(fds, p[:]...)
		}
		after, _, err := KernelMemory()
		for _, fd := range fds {
			syscall.Close(fd)
		}
		if err != nil {
			t.Fatal(err)
		}
		each := (after - before) / pipes
		last = fmt.Sprintf("%d bytes a pipe by %s", each, source)
		if each > 500 && each < 20_000 { // pipe_inode_info, 16 pipe_buffers of 40 bytes, an inode, a dentry, two files
			return
		}
	}
	t.Error(last)
}
