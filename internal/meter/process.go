package meter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"golang.org/x/sys/unix"
)

// A Process is one reading of a process.
type Process struct {
	pid    int
	clocks clocks
	state  state
}

// clocks are what is read closest to the window's edge: three system calls.
type clocks struct {
	at        time.Time
	cpu       time.Duration // scheduler's sum over all threads, those that ended included
	ticks     time.Duration // CPU time as sampled by the tick: user and kernel
	userTicks time.Duration // its user part
}

// ReadProcess reads a process. A Sample places the slow parts of a pair of
// readings outside the window; this does not.
func ReadProcess(pid int) (p Process, err error) {
	p.pid = pid
	if p.clocks, err = readClocks(pid); err == nil {
		p.state, err = readState(pid)
	}
	return p, err
}

// The clocks of a process, include/linux/posix-timers.h. The one that a
// profiling timer uses counts raw ticks, unlike the times of /proc/PID/stat,
// which are these ticks scaled to the exact sum and cut to 10 ms.
const (
	clockProf  = 0 // CPUCLOCK_PROF: user and kernel ticks
	clockVirt  = 1 // CPUCLOCK_VIRT: user ticks
	clockSched = 2 // CPUCLOCK_SCHED: exact
)

// clockID is what clock_getcpuclockid(3) makes of a process id.
func clockID(pid int, kind int32) int32 { return ^int32(pid)<<3 | kind }

func readClocks(pid int) (c clocks, err error) {
	c.at = time.Now()
	for _, r := range []struct {
		kind int32
		to   *time.Duration
	}{{clockSched, &c.cpu}, {clockProf, &c.ticks}, {clockVirt, &c.userTicks}} {
		var ts unix.Timespec
		if err := unix.ClockGettime(clockID(pid, r.kind), &ts); err != nil {
			return c, gone(pid, err)
		}
		*r.to = time.Duration(ts.Nano())
	}
	return c, nil
}

// tickLength is the time between two ticks of the kernel, by the resolution of
// a clock that counts them (posix_cpu_clock_getres in
// kernel/time/posix-cpu-timers.c), 10 ms if it does not tell: rather too long
// and the error too large.
func tickLength() time.Duration {
	var ts unix.Timespec
	err := unix.ClockGetres(clockID(os.Getpid(), clockProf), &ts)
	if d := time.Duration(ts.Nano()); err == nil && d >= 100*time.Microsecond {
		return d
	}
	return 10 * time.Millisecond
}

var errEnded = errors.New("has ended")

// gone makes sense of what the kernel says of a process that is not there.
func gone(pid int, err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("process %d %w", pid, errEnded)
	}
	return fmt.Errorf("read process %d: %w", pid, err)
}

// Since is what the process used from a to p.
func (p Process) Since(a Process) result.Process {
	cpu := max(0, p.clocks.cpu-a.clocks.cpu)
	r := result.Process{
		CPUSeconds: cpu.Seconds(),
		Seconds:    p.clocks.at.Sub(a.clocks.at).Seconds(),
		PeakRSS:    p.state.peakRSS,
		Threads:    len(p.state.threads),
		CPUs:       p.state.cpus,
	}
	r.UserShare, r.UserShareError = userShare(p.clocks.userTicks-a.clocks.userTicks, p.clocks.ticks-a.clocks.ticks, tickLength())
	p.state.since(a.state, &r)
	return r
}

// userShare is the share of ticks that found the process in user mode, and its
// standard error. Without a tick nothing is known: 0.5 ± 0.5.
func userShare(user, all, tick time.Duration) (share, stderr float64) {
	n := float64(all) / float64(tick)
	if n <= 0 {
		return 0.5, 0.5
	}
	share = min(1, max(0, float64(user)/float64(all)))
	return share, stat.ShareError(share, n)
}

// Fields of a /proc/PID/stat line after the command's name, numbered as in
// proc_pid_stat(5).
func statFields(name string) (map[int]string, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	s := string(b)
	// The name may hold anything, a closing parenthesis too.
	_, rest, ok := cutLast(s, ") ")
	if !ok {
		return nil, fmt.Errorf("%s: unexpected form %q", name, s)
	}
	m := map[int]string{}
	for i, f := range strings.Fields(rest) {
		m[i+3] = f
	}
	return m, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func parseUint(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}
