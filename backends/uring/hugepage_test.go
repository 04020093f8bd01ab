package uring

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

const nrHugePages = "/proc/sys/vm/nr_hugepages"

// hugePages sets vm.nr_hugepages for the length of a test.
func hugePages(t *testing.T, n int) {
	t.Helper()
	old, err := os.ReadFile(nrHugePages)
	if err != nil {
		t.Skip("no huge pages in this kernel: ", err)
	}
	if err := os.WriteFile(nrHugePages, []byte(strconv.Itoa(n)), 0); err != nil {
		testenv.Need(t, "root", err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(nrHugePages, old, 0); err != nil {
			t.Error(err)
		}
	})
}

// The rings of a loop lie in a huge page, as /proc/self/smaps has it, and serve
// as any; when the loop closes the page is free again.
func TestHugePage(t *testing.T) {
	b := &Backend{variant: variant(t, "uring+hugepage")}
	if k, _ := thisKernel(); !k.have.has(ownMemory) {
		t.Skip("needs IORING_SETUP_NO_MMAP, Linux 6.5")
	}
	hugePages(t, meminfo("HugePages_Total:")+4)
	if meminfo("HugePages_Free:") < 2 {
		t.Skip("the kernel finds no memory for huge pages")
	}
	for _, cfg := range []backends.Config{{}, {Entries: 8}, {Entries: 1 << 15, Bufs: 1}} { // the last takes two
		free := meminfo("HugePages_Free:")
		lb, err := b.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		l := lb.(*Loop)
		for _, at := range []unsafe.Pointer{unsafe.Pointer(&l.ring.sqes[0]), unsafe.Pointer(&l.ring.cqes[0]), unsafe.Pointer(l.ring.cqHead)} {
			if kB := pageSizeAt(t, uintptr(at)); kB != meminfo("Hugepagesize:") {
				t.Errorf("a part of the ring lies in a page of %d kB", kB)
			}
		}
		here, far := socketpair(t)
		l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here})
		for i := range 100 {
			if _, err := unix.Write(int(far), []byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
			c := await(t, l, 1)[0]
			if c.Res != 1 || c.Buf[0] != byte(i) {
				t.Fatalf("message %d: %+v", i, c)
			}
			l.Recycle(c.Buf)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		// Free at the latest when the kernel has freed the ring.
		for end := time.Now().Add(60 * time.Second); meminfo("HugePages_Free:") < free; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d huge pages are free, %d before", meminfo("HugePages_Free:"), free)
			}
		}
	}
}

// pageSizeAt is the size of the pages of the mapping around an address, in kB.
func pageSizeAt(t *testing.T, addr uintptr) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	within := false
	for line := range strings.Lines(string(maps)) {
		var lo, hi uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &lo, &hi); n == 2 {
			within = lo <= addr && addr < hi
		}
		if f := strings.Fields(line); within && f[0] == "KernelPageSize:" {
			kB, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return kB
		}
	}
	t.Fatalf("no mapping at %#x", addr)
	return 0
}

// Without a huge page the error names the sysctl, and the capability says why.
func TestNoHugePage(t *testing.T) {
	b := &Backend{variant: variant(t, "uring+hugepage")}
	if k, _ := thisKernel(); !k.have.has(ownMemory) {
		t.Skip("needs IORING_SETUP_NO_MMAP, Linux 6.5")
	}
	if meminfo("HugePages_Free:") > 0 {
		t.Skip("this machine has free huge pages")
	}
	for what, err := range map[string]error{"probe": b.Probe(), "open": openError(b)} {
		var u *backends.Unavailable
		if !errors.As(err, &u) || !strings.Contains(err.Error(), "vm.nr_hugepages is ") || !strings.Contains(err.Error(), "sysctl -w vm.nr_hugepages=") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if why := noHugePage(); !strings.Contains(why, "vm.nr_hugepages") {
		t.Error(why)
	}
}
