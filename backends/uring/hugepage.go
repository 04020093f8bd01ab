package uring

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// ringMemory says how much memory of ours a ring takes:
//
//	sqes | SQE 0 | SQE 1 | … up to a whole page
//	all  | the same | heads, tails, flags | CQE 0 | CQE 1 | … | index array | up to a whole page
//
// The queues' head (struct io_rings, 64 bytes where a cache line has as many)
// and the alignment of what follows are reckoned with four lines of 128 bytes.
func ringMemory(entries, cqEntries uint32) (sqes, all int) {
	page := os.Getpagesize()
	whole := func(n int) int { return (n + page - 1) / page * page }
	sqes = whole(int(entries) * int(unsafe.Sizeof(uapi.SQE{})))
	return sqes, sqes + whole(4*128+int(cqEntries)*int(unsafe.Sizeof(uapi.CQE{}))+int(entries)*4)
}

// hugeMemory maps whole huge pages, or says why there are none.
func hugeMemory(variant string, size int) ([]byte, error) {
	huge := meminfo("Hugepagesize:") << 10
	if huge == 0 {
		return nil, &backends.Unavailable{Backend: variant, Why: "feature hugepage needs huge pages, and this kernel has none", Remedy: "use a kernel with CONFIG_HUGETLBFS, or leave +hugepage out"}
	}
	size = (size + huge - 1) / huge * huge
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_HUGETLB|unix.MAP_POPULATE)
	if err != nil {
		return nil, &backends.Unavailable{
			Backend: variant,
			Why:     fmt.Sprintf("feature hugepage needs a free huge page for each loop: vm.nr_hugepages is %d, free are %d", meminfo("HugePages_Total:"), meminfo("HugePages_Free:")),
			Remedy:  "raise it with sysctl -w vm.nr_hugepages=N (as root)",
			Err:     err,
		}
	}
	if err := unix.Madvise(mem, unix.MADV_DONTFORK); err != nil { // see mapShared
		unmap(mem)
		return nil, fmt.Errorf("backend %s: madvise of a huge page: %w", variant, err)
	}
	return mem, nil
}

// meminfo is a figure of /proc/meminfo, 0 where it is not there.
func meminfo(name string) int {
	b, _ := os.ReadFile("/proc/meminfo")
	_, rest, _ := strings.Cut("\n"+string(b), "\n"+name)
	f := strings.Fields(rest)
	if len(f) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(f[0])
	return n
}

func noHugePage() string {
	if meminfo("HugePages_Free:") > 0 {
		return ""
	}
	return fmt.Sprintf("no huge page is free: vm.nr_hugepages is %d", meminfo("HugePages_Total:"))
}

// tryOwnMemory makes a ring in ordinary pages of ours.
func tryOwnMemory(*ring) (bool, unix.Errno) {
	_, size := ringMemory(1, 2)
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return false, errnoOf(err)
	}
	r, errno := newRingIn(mem, 1, 2, 0, 0, 0)
	if errno != 0 {
		unmap(mem)
		return false, unless(errno, unix.EINVAL)
	}
	r.close()
	return true, 0
}
