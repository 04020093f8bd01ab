package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/internal/meter"
)

// availableWanted is memory for a server, a client and the page cache of a
// small file, bytes.
const availableWanted = 1 << 30

// meminfo is a value of /proc/meminfo in bytes, -1 without it (proc_meminfo(5)).
func (m *machine) meminfo(name string) int {
	f := strings.Fields(m.Field("proc/meminfo", name))
	if len(f) == 0 {
		return -1
	}
	n, err := strconv.Atoi(f[0])
	if err != nil {
		return -1
	}
	if len(f) > 1 && f[1] == "kB" {
		n <<= 10
	}
	return n
}

func memory(m *machine) Outcome {
	available, total := m.meminfo("MemAvailable"), m.meminfo("MemTotal")
	swap, free := m.meminfo("SwapTotal"), m.meminfo("SwapFree")
	if available < 0 || swap < 0 {
		return unknown("/proc/meminfo does not tell", "run where /proc is mounted")
	}
	found := fmt.Sprintf("%s available of %s; ", inGiB(available), inGiB(total))
	used := swap - free
	switch {
	case swap == 0:
		found += "no swap"
	default:
		found += fmt.Sprintf("swap %s of %s", inGiB(used), inGiB(swap))
	}
	switch {
	case available < availableWanted:
		return warning(found, "free some: less than 1 GiB is soon reclaimed from the page cache, and the cost of that is measured")
	case used > 0:
		return warning(found, "swapoff -a && swapon -a, or free memory: what is swapped out comes back in mid-trial")
	}
	return ok(found)
}

// memoryLimit looks for one on our cgroup and those above it, which counts the page
// cache and socket buffers, too.
func memoryLimit(m *machine) Outcome {
	limit := m.MemoryLimit()
	n, err := strconv.Atoi(limit)
	switch {
	case limit == "none":
		return ok(limit)
	case err != nil:
		return unknown("no cgroup with the memory controller tells", "look whether the container or the service manager sets one")
	case n < availableWanted:
		return warning(inGiB(n), "run with 1 GiB or more (docker run --memory, MemoryMax=): what is beyond is reclaimed, and the cost of that is measured")
	}
	return ok(inGiB(n))
}

// reclaim looks for DAMON with the action "pageout" (admin-guide/mm/damon/usage.rst),
// which takes from memory what was not used for a while, also where plenty is free.
func reclaim(m *machine) Outcome {
	const schemes = "sys/kernel/mm/damon/admin/kdamonds/*/contexts/*/schemes/*/action"
	var running []string
	for _, p := range m.after.processes {
		if strings.HasPrefix(p.name, "kdamond.") {
			running = append(running, p.name)
		}
	}
	slices.Sort(running)
	switch {
	case m.after.processes["2"].name != "kthreadd":
		return unknown("threads of the kernel are not to be seen here", "look for one called kdamond outside of the container")
	case len(running) == 0:
		return ok("none ahead of need")
	}
	found, stop := strings.Join(running, ", "), "echo off > /sys/kernel/mm/damon/admin/kdamonds/*/state"
	var actions []string
	for _, file := range m.Glob(schemes) {
		if action := m.Read(file); action != "" {
			actions = append(actions, action)
		}
	}
	if m.Read("sys/module/damon_reclaim/parameters/enabled") == "Y" {
		actions, stop = append(actions, "pageout"), "echo N > /sys/module/damon_reclaim/parameters/enabled"
	}
	switch {
	case slices.Contains(actions, "pageout"):
		return warning(found+" takes from memory what was not used for a while",
			stop+": files that should be cached lose pages in mid-trial")
	case len(actions) == 0:
		return unknown(found+" runs", "run as root, whom alone it tells what for: it may take pages of cached files")
	}
	return ok(found + " does not (" + strings.Join(actions, ", ") + ")")
}

func inGiB(n int) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }

// hugePages are wanted by the variant that puts rings in them.
func hugePages(m *machine) Outcome {
	thp := meter.Bracketed(m.Read("sys/kernel/mm/transparent_hugepage/enabled"))
	total, free := m.meminfo("HugePages_Total"), m.meminfo("HugePages_Free")
	if total < 0 {
		return unknown("/proc/meminfo does not tell", "run where /proc is mounted")
	}
	found := fmt.Sprintf("%d reserved, %d free; transparent ones: %s", total, free, orNone(thp))
	if free == 0 {
		return ok(found).with("rings in huge pages need vm.nr_hugepages above 0")
	}
	return ok(found)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// tempDir finds the file system by the longest mount point above it
// (proc_pid_mountinfo(5)).
func tempDir(m *machine) Outcome {
	var point, kind, device string
	for line := range strings.Lines(m.Read("proc/self/mountinfo")) {
		left, right, ok := strings.Cut(line, " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if !ok || len(l) < 5 || len(r) < 2 {
			continue
		}
		if p := l[4]; within(m.TempDir, p) && len(p) >= len(point) { // a later mount hides an earlier one
			point, kind, device = p, r[0], r[1]
		}
	}
	found := fmt.Sprintf("%s is on %s (%s)", m.TempDir, kind, device)
	switch kind {
	case "":
		return unknown("the file system of "+m.TempDir+" is nowhere to be found", "look at df "+m.TempDir)
	case "tmpfs", "ramfs":
		return warning(found, "point TMPDIR at a disk for workloads that read and write files: this is memory, without O_DIRECT and without a device")
	case "ext4", "xfs", "btrfs", "f2fs", "ext3", "ext2", "zfs", "bcachefs":
		return ok(found)
	case "nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "overlay", "fuse", "virtiofs":
		return warning(found, "point TMPDIR at a disk for workloads that read and write files: each operation goes through another layer")
	}
	return unknown(found, "find out whether a disk is behind it")
}

func within(name, point string) bool {
	return name == point || strings.HasPrefix(name, strings.TrimSuffix(point, "/")+"/")
}
