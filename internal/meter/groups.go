package meter

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/ringbench/ringbench/internal/child"
)

// Bandwidth reads cpu.max of the unified hierarchy, "max" being no limit
// (cgroup-v2.rst), or what v1 has, -1 being none (scheduler/sched-bwc.rst). A
// group that has neither file, as the root, has no limit.
func (f Files) Bandwidth(dir string) (limit, period int, told bool) {
	if f.Exists(dir + "/cpu.max") {
		n, _ := fmt.Sscanf(strings.Replace(f.Read(dir+"/cpu.max"), "max", "0", 1), "%d %d", &limit, &period)
		return limit, period, n == 2
	}
	if !f.Exists(dir + "/cpu.cfs_quota_us") {
		return 0, 0, true
	}
	limit, ok1 := f.Number(dir + "/cpu.cfs_quota_us")
	period, ok2 := f.Number(dir + "/cpu.cfs_period_us")
	return limit, period, ok1 && ok2
}

// quota is the least number of CPUs that our cgroup and those above it leave, or
// "none".
func (f Files) quota() string {
	dirs := child.Groups(f, "cpu")
	if len(dirs) == 0 || !f.Exists(dirs[0]) {
		return unknown
	}
	least, found := 0.0, false
	for _, dir := range dirs {
		limit, period, told := f.Bandwidth(dir)
		if !told {
			return unknown
		}
		if limit > 0 && period > 0 && (!found || float64(limit)/float64(period) < least) {
			least, found = float64(limit)/float64(period), true
		}
	}
	if !found {
		return "none"
	}
	return strconv.FormatFloat(least, 'g', 4, 64)
}

// unlimited is what v1 has for no limit, a little less than 1<<63 bytes.
const unlimited = 1 << 62

// MemoryLimit is the least number of bytes that our cgroup and those above it may
// have, "none" or "unknown".
func (f Files) MemoryLimit() string {
	dirs := child.Groups(f, "memory")
	if len(dirs) == 0 || !f.Exists(dirs[0]) {
		return unknown
	}
	least := unlimited
	for _, dir := range dirs {
		for _, name := range []string{"/memory.max", "/memory.limit_in_bytes"} {
			text := f.Read(dir + name)
			if n, err := strconv.Atoi(text); err == nil {
				least = min(least, n)
			} else if text != "max" && f.Exists(dir+name) {
				return unknown
			}
		}
	}
	if least == unlimited {
		return "none"
	}
	return strconv.Itoa(least)
}

// throttles lists the files that count how often a quota has stopped us: none
// where there is no quota.
var throttles = sync.OnceValue(func() (names []string) {
	f := Root()
	for _, dir := range child.Groups(f, "cpu") {
		if limit, period, _ := f.Bandwidth(dir); limit > 0 && period > 0 && f.Value(dir+"/cpu.stat", "nr_throttled") != "" {
			names = append(names, "/"+dir+"/cpu.stat")
		}
	}
	return names
})

// throttled counts the periods in which a quota stopped some thread of ours; ok is
// false where there is no quota.
func throttled(names []string) (n uint64, ok bool) {
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return 0, false
		}
		_, rest, _ := strings.Cut("\n"+string(b), "\nnr_throttled ")
		count, _, _ := strings.Cut(rest, "\n")
		n += parseUint(count)
	}
	return n, len(names) > 0
}
