package meter

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
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
// each. On a virtual machine under load a file took 20 to 60 µs.
const maxWaits = 2000

func readState(pid int) (s state, err error) {
	begin := time.Now()
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := statFields(dir + "/stat")
	if err != nil {
		return s, gone(pid, err)
	}
	// A main thread may end before the others; then it alone is a zombie.
	if (stat[3] == "Z" && parseUint(stat[20]) <= 1) || stat[3] == "X" {
		return s, fmt.Errorf("process %d %w", pid, errEnded)
	}
	s.started = stat[22]
	tids, err := threadIDs(pid)
	if err != nil {
		return s, err
	}
	s.waits = len(tids) <= maxWaits
	s.threads = make(map[int]thread, len(tids))
	allowed := map[string]bool{} // most threads have the same list
	for _, tid := range tids {
		task := dir + "/task/" + strconv.Itoa(tid)
		st, err := readStatus(task + "/status")
		if err == nil && (s.waits || st.helper != "") {
			err = readSched(task, &st.thread)
		}
		if err == errNoWaits {
			s.waits = false
		} else if err != nil {
			continue // it ended
		}
		allowed[st.allowed] = true
		s.peakRSS = max(s.peakRSS, st.peakRSS) // the process's, but a thread that is ending has none
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
func readStatus(name string) (s status, err error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(string(b)) {
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

var errNoWaits = errors.New("no run-queue waits")

// readSched reads a thread's time on a CPU and its time waiting for one. With
// errNoWaits only the CPU time is told, in ticks: kernels without SCHED_INFO
// have no such file.
func readSched(task string, t *thread) error {
	b, err := os.ReadFile(task + "/schedstat")
	if f := strings.Fields(string(b)); err == nil && len(f) >= 2 {
		t.cpu, t.wait = time.Duration(parseUint(f[0])), time.Duration(parseUint(f[1]))
		return nil
	}
	stat, err := statFields(task + "/stat")
	if err != nil {
		return err
	}
	t.cpu = time.Duration(parseUint(stat[14])+parseUint(stat[15])) * time.Second / userHz
	return errNoWaits
}

// countCPUs counts the CPUs in the union of lists such as "0-3,8".
func countCPUs(lists map[string]bool) int {
	cpus := map[int]bool{}
	for list := range lists {
		for _, c := range ExpandCPUs(list) {
			cpus[c] = true
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

// since is what thread t did after a. Counts of switches that fell show another
// thread of the same number; then all that it did it did after a.
func (t thread) since(a thread) thread {
	if t.voluntary < a.voluntary || t.involuntary < a.involuntary {
		return t
	}
	t.voluntary -= a.voluntary
	t.involuntary -= a.involuntary
	t.cpu = max(0, t.cpu-a.cpu) // may be missing in t, when threads became too many
	t.wait = max(0, t.wait-a.wait)
	return t
}
