package meter

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Anonymous is the memory of a process that is its own and of no file, in bytes:
// heap, stacks, private mappings. Unlike the counts in /proc/PID/status, which
// each thread keeps apart up to 64 pages, the page tables are asked
// (/proc/PID/smaps_rollup, Linux 4.14).
func Anonymous(pid int) (int64, error) {
	fields, err := sizes(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	n, ok := fields["Anonymous"]
	if !ok {
		return 0, fmt.Errorf("/proc/%d/smaps_rollup has no Anonymous", pid)
	}
	return n, nil
}

// KernelMemory is what the kernel has in use for objects of all kinds, for
// threads' stacks and for page tables, in bytes, of the whole machine. Objects
// are counted one by one where /proc/slabinfo may be read, which is root's; else
// by the pages that hold them (/proc/meminfo), some of which may be left over from
// what was before. The source says which.
func KernelMemory() (bytes int64, source string, err error) {
	info, err := sizes("/proc/meminfo")
	if err != nil {
		return 0, "", err
	}
	stacks, tables, slab := info["KernelStack"], info["PageTables"], info["Slab"]
	objects, err := slabObjects()
	if err != nil {
		if slab == 0 {
			return 0, "", errors.New("/proc/meminfo has no Slab")
		}
		return slab + stacks + tables, "pages by /proc/meminfo", nil
	}
	return objects + stacks + tables, "objects by /proc/slabinfo", nil
}

// slabObjects is the size of all objects that are in use (slabinfo(5)).
func slabObjects() (sum int64, err error) {
	b, err := os.ReadFile("/proc/slabinfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line) // name, active objects, objects, bytes of one …
		if len(f) < 4 {
			continue
		}
		n, err1 := strconv.ParseInt(f[1], 10, 64)
		size, err2 := strconv.ParseInt(f[3], 10, 64)
		if err1 == nil && err2 == nil { // else it is a heading
			sum += n * size
		}
	}
	if sum == 0 {
		return 0, errors.New("/proc/slabinfo counts no object")
	}
	return sum, nil
}

// sizes reads lines such as "Slab:  1234 kB", in bytes.
func sizes(name string) (map[string]int64, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	m := map[string]int64{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 3 && f[2] == "kB" {
			if n, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				m[strings.TrimSuffix(f[0], ":")] = n << 10
			}
		}
	}
	return m, nil
}
