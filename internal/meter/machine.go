package meter

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// userHz is the unit of times in /proc on every architecture that Go runs on:
// USER_HZ, not the kernel's HZ.
const userHz = 100

// A Machine is one reading of all CPUs together.
type Machine struct {
	at    time.Time
	units [numClasses]uint64
	// throttled is by the quotas on us, where there are any.
	throttled uint64
	quota     bool
}

// The classes of time in the first line of /proc/stat, in order (proc_stat(5)).
// Guest time, which follows, is also in user and nice.
const (
	user = iota
	nice
	system
	idle
	iowait
	irq
	softirq
	steal
	numClasses
)

// ReadMachine reads the machine.
func ReadMachine() (m Machine, err error) {
	m.at = time.Now()
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m, fmt.Errorf("read CPU times of the machine: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	f := strings.Fields(line)
	if len(f) < 1+numClasses || f[0] != "cpu" {
		return m, fmt.Errorf("/proc/stat: unexpected first line %q", line)
	}
	for i := range m.units {
		m.units[i] = parseUint(f[1+i])
	}
	m.throttled, m.quota = throttled(throttles())
	return m, nil
}

// Since is what all CPUs did from a to m, but for OtherSeconds, which a Sample
// knows.
func (m Machine) Since(a Machine) result.Machine {
	seconds := func(classes ...int) (s float64) {
		for _, c := range classes {
			if m.units[c] > a.units[c] { // iowait may fall, and a CPU that goes offline takes its times along
				s += float64(m.units[c]-a.units[c]) / userHz
			}
		}
		return s
	}
	r := result.Machine{
		Seconds:        m.at.Sub(a.at).Seconds(),
		BusySeconds:    seconds(user, nice, system, irq, softirq),
		UserSeconds:    seconds(user, nice),
		KernelSeconds:  seconds(system, irq, softirq),
		SoftirqSeconds: seconds(softirq),
		StealSeconds:   seconds(steal),
	}
	if m.quota && a.quota {
		n := m.throttled - min(a.throttled, m.throttled)
		r.Throttled = &n
	}
	return r
}
