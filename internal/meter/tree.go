package meter

import (
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
)

// Descendants lists the processes that a process has started, those that they
// have started, and, if it leads a session, all others of that, which may have
// lost the parent that tied them to it. We and ours are none of them.
func Descendants(pid int) (pids []int, err error) {
	children := map[int][]int{}
	for _, other := range child.Processes() {
		if other == pid || other == os.Getpid() {
			continue
		}
		stat, err := statFields("/proc/" + strconv.Itoa(other) + "/stat")
		if err != nil {
			if err = gone(other, err); errors.Is(err, errEnded) {
				continue
			}
			return nil, err
		}
		parent, _ := strconv.Atoi(stat[4])
		if stat[6] == strconv.Itoa(pid) {
			parent = pid
		}
		children[parent] = append(children[parent], other)
	}
	pids = children[pid]
	for i := 0; i < len(pids); i++ {
		pids = append(pids, children[pids[i]]...)
	}
	return pids, nil
}

// A Tree is a reading of a process's descendants: of the server that a wrapper
// starts, of the workers that a server starts. The process itself is read by a
// Sample. The zero Tree is of a process without any.
type Tree struct {
	at     time.Time
	procs  map[int]Process
	reaped uint64 // CPU time of those that ended, as their parents are told it
}

// ReadTree reads the descendants of a process.
func ReadTree(root int) (t Tree, err error) {
	pids, err := Descendants(root)
	if err != nil {
		return t, err
	}
	t.at, t.procs = time.Now(), make(map[int]Process, len(pids))
	for _, pid := range append(pids, root) {
		stat, err := statFields("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			err = gone(pid, err)
		} else if t.reaped += parseUint(stat[16]) + parseUint(stat[17]); pid != root {
			t.procs[pid], err = ReadProcess(pid)
		}
		if errors.Is(err, errEnded) {
			delete(t.procs, pid)
		} else if err != nil {
			return t, err
		}
	}
	return t, nil
}

// Since adds what the descendants used from a to t to what their root did. Each
// was read at a moment of its own, so all is brought to the root's interval.
func (t Tree) Since(a Tree, root result.Process) result.Process {
	sum := root
	user, variance := root.CPUSeconds*root.UserShare, math.Pow(root.CPUSeconds*root.UserShareError, 2)
	for pid, p := range t.procs {
		before, ok := a.procs[pid]
		if !ok || before.state.started != p.state.started {
			before = Process{clocks: clocks{at: a.at}, state: state{at: a.at, waits: true}}
		}
		d := p.Since(before)
		edge, slow := root.Seconds/d.Seconds, root.ThreadSeconds/d.ThreadSeconds
		cpu := d.CPUSeconds * edge
		sum.CPUSeconds += cpu
		user += cpu * d.UserShare
		variance += math.Pow(cpu*d.UserShareError, 2)
		sum.Voluntary += uint64(math.Round(float64(d.Voluntary) * slow))
		sum.Involuntary += uint64(math.Round(float64(d.Involuntary) * slow))
		sum.RunQueueWait = plus(sum.RunQueueWait, d.RunQueueWait, slow)
		sum.ThreadsEnded += d.ThreadsEnded
		sum.PeakRSS += d.PeakRSS
		sum.Threads += d.Threads
		sum.Helpers = withHelpers(sum.Helpers, d.Helpers, slow)
	}
	if sum.CPUSeconds > 0 {
		sum.UserShare, sum.UserShareError = user/sum.CPUSeconds, math.Sqrt(variance)/sum.CPUSeconds
	}
	if len(t.procs) > 0 {
		sum.Processes = 1 + len(t.procs)
	}
	sum.ProcessesEnded = t.endedSince(a)
	return sum
}

// endedSince counts those of a that are gone, and takes what the parents were
// told for one that came and went.
func (t Tree) endedSince(a Tree) (n int) {
	for pid, p := range a.procs {
		if now, ok := t.procs[pid]; !ok || now.state.started != p.state.started {
			n++
		}
	}
	if n == 0 && t.reaped > a.reaped {
		n = 1
	}
	return n
}

func plus(sum, d *float64, scale float64) *float64 {
	if sum == nil || d == nil {
		return nil
	}
	s := *sum + *d*scale
	return &s
}

func withHelpers(sum, more []result.Helper, scale float64) []result.Helper {
	sum = slices.Clone(sum) // the root's own stay as they are
	for _, h := range more {
		h.CPUSeconds *= scale
		i := slices.IndexFunc(sum, func(s result.Helper) bool { return s.Name == h.Name })
		if i < 0 {
			sum = append(sum, h)
			continue
		}
		sum[i].Threads += h.Threads
		sum[i].CPUSeconds += h.CPUSeconds
	}
	return sum
}
