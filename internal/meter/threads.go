package meter

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"golang.org/x/sys/unix"
)

// state is what takes long to read: a file or two for each thread.
type state struct {
	at      time.Time // the middle of the reading
	started string    // start time, which tells a process from another of the same number
	peakRSS uint64
	cpus    int // that any of its threads may use
	threads map[int]thread
	waits   bool // run-queue waits were read
}

type thread struct {
	helper                 string // kind of io_uring helper, "" for others
	voluntary, involuntary uint64
	cpu                    time.Duration // read with wait, and always of a helper
	wait                   time.Duration
}

// maxWaits is the number of threads up to which the second file is read of
// each. With the load running a file took 5 to 60 µs.
const maxWaits = 2000

// A scratch is memory for reading small files of /proc one after the other: a
// third of the time that os.ReadFile takes, which matters with many threads.
type scratch []byte

// read returns the file's text.
func (s scratch) read(name string) (string, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, s)
	return string(s[:max(0, n)]), err
}

func readState(pid int) (s state, err error) {
	begin := time.Now()
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := statFields(dir + "/stat")
	if err != nil {
		return s, gone(pid, err)
	}
	if stat[3] == "Z" || stat[3] == "X" {
		return s, fmt.Errorf("process %d has ended", pid)
	}
	s.started = stat[22]
	tids, err := threadIDs(pid)
	if err != nil {
		return s, err
	}
	s.waits = len(tids) <= maxWaits
	s.threads = make(map[int]thread, len(tids))
	buf := make(scratch, 16<<10)
	allowed := map[string]bool{} // most threads have the same list
	for _, tid := range tids {
		task := dir + "/task/" + strconv.Itoa(tid)
		st, err := readStatus(buf, task+"/status")
		if err != nil {
			continue // it ended
		}
		allowed[st.allowed] = true
		s.peakRSS = st.peakRSS // the process's, the same in each
		if s.waits || st.helper != "" {
			var ok bool
			if st.cpu, st.wait, ok = readSched(buf, task); !ok {
				s.waits = false
			}
		}
		s.threads[tid] = st.thread
	}
	s.cpus = countCPUs(allowed)
	s.at = begin.Add(time.Since(begin) / 2)
	return s, nil
}

func threadIDs(pid int) ([]int, error) {
	d, err := os.Open("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return nil, gone(pid, err)
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, gone(pid, err)
	}
	tids := make([]int, 0, len(names))
	for _, n := range names {
		if tid, err := strconv.Atoi(n); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids, nil
}

type status struct {
	thread
	peakRSS uint64
	allowed string
}

// readStatus reads /proc/PID/task/TID/status (proc_pid_status(5)).
func readStatus(buf scratch, name string) (s status, err error) {
	text, err := buf.read(name)
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(text) {
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch field {
		case "Name":
			s.helper = helperKind(value)
		case "VmHWM":
			s.peakRSS = parseUint(strings.TrimSuffix(value, " kB")) << 10
		case "Cpus_allowed_list":
			s.allowed = value
		case "voluntary_ctxt_switches":
			s.voluntary = parseUint(value)
		case "nonvoluntary_ctxt_switches":
			s.involuntary = parseUint(value)
		}
	}
	return s, nil
}

// helperKind tells the threads that the kernel makes for io_uring in the
// process that uses it: the poller of submission queues and the pool's workers
// (io_uring/sqpoll.c, io_uring/io-wq.c).
func helperKind(comm string) string {
	for _, kind := range []string{"iou-sqp", "iou-wrk"} {
		if strings.HasPrefix(comm, kind+"-") {
			return kind
		}
	}
	return ""
}

// readSched reads a thread's time on a CPU and its time waiting for one. The
// file is absent on kernels without SCHED_INFO; then only the CPU time is told,
// in ticks.
func readSched(buf scratch, task string) (cpu, wait time.Duration, ok bool) {
	text, err := buf.read(task + "/schedstat")
	if f := strings.Fields(text); err == nil && len(f) >= 2 {
		return time.Duration(parseUint(f[0])), time.Duration(parseUint(f[1])), true
	}
	stat, err := statFields(task + "/stat")
	if err != nil {
		return 0, 0, os.IsNotExist(err) // it ended: not the kernel's fault
	}
	return time.Duration(parseUint(stat[14])+parseUint(stat[15])) * time.Second / userHz, 0, false
}

// countCPUs counts the CPUs in the union of lists such as "0-3,8".
func countCPUs(lists map[string]bool) int {
	cpus := map[uint64]bool{}
	for list := range lists {
		for part := range strings.SplitSeq(list, ",") {
			from, to, isRange := strings.Cut(part, "-")
			if !isRange {
				to = from
			}
			if from == "" {
				continue
			}
			for c := parseUint(from); c <= parseUint(to); c++ {
				cpus[c] = true
			}
		}
	}
	return len(cpus)
}

// since adds up what the threads of s did after a.
func (s state) since(a state, r *result.Process) {
	r.ThreadSeconds = s.at.Sub(a.at).Seconds()
	var wait time.Duration
	helpers := map[string]*result.Helper{}
	for tid, t := range s.threads {
		d := t.since(a.threads[tid])
		r.Voluntary += d.voluntary
		r.Involuntary += d.involuntary
		wait += d.wait
		if t.helper == "" {
			continue
		}
		if helpers[t.helper] == nil {
			helpers[t.helper] = &result.Helper{Name: t.helper}
		}
		helpers[t.helper].Threads++
		helpers[t.helper].CPUSeconds += d.cpu.Seconds()
	}
	for tid := range a.threads {
		if _, ok := s.threads[tid]; !ok {
			r.ThreadsEnded++
		}
	}
	if s.waits && a.waits {
		seconds := wait.Seconds()
		r.RunQueueWait = &seconds
	}
	for _, kind := range []string{"iou-sqp", "iou-wrk"} {
		if h := helpers[kind]; h != nil {
			r.Helpers = append(r.Helpers, *h)
		}
	}
}

// since is what thread t did after a. A figure that fell shows another thread
// of the same number; then all that it did it did after a.
func (t thread) since(a thread) thread {
	if t.voluntary < a.voluntary || t.involuntary < a.involuntary || t.cpu < a.cpu || t.wait < a.wait {
		return t
	}
	t.voluntary -= a.voluntary
	t.involuntary -= a.involuntary
	t.cpu -= a.cpu
	t.wait -= a.wait
	return t
}
