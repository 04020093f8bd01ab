package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// limits of interference. What an idle machine does for itself, and the steal of
// a quiet host, are 1 to 3 % of all CPUs' time; a tenth is more than most of the
// differences that are looked for. A fifth of the window is what the CPU metered
// may be out of step with the messages counted. Of many CPUs a tenth is not passed
// by who takes the server's own; that it waited for it tells.
var limits = result.Limits{StealShare: 0.1, OtherShare: 0.1, LateShare: 0.2, WaitShare: 0.1}

// grain is how far off /proc/stat can be: it counts a class of CPU time in units
// of 10 ms, and most of the time is in three classes.
const grain = 0.03

// usualOf is of how many waits the middle one tells what is usual.
const usualOf = 3

// disturb marks the trials of a set, and the moments of them, that passed a limit of
// its plan. Since what is usual changes with every trial, all are marked anew.
func disturb(set *result.Set) {
	waits := map[string][]float64{} // by cells, of trials that ran at one time
	for _, trials := range atOneTime(set.Trials) {
		if w := waited(trials); !math.IsNaN(w) {
			waits[cellsOf(trials)] = append(waits[cellsOf(trials)], w)
		}
	}
	for _, of := range waits {
		slices.Sort(of)
	}
	for _, trials := range atOneTime(set.Trials) {
		known := true // who ran on the CPUs
		for i := range trials {
			known = known && trials[i].Server != nil
		}
		long := tooLong(waited(trials), waits[cellsOf(trials)], set.Plan.Limits.WaitShare)
		for i := range trials {
			t := &trials[i]
			if t.Void != "" || t.Machine == nil {
				continue
			}
			t.Disturbed = strings.Join(append(disturbance(t, &set.Env, set.Plan.Limits, known), long...), "; ")
			for k := range t.Moments {
				m := &t.Moments[k]
				m.Disturbed = strings.Join(interference(&m.Machine, &set.Env, set.Plan.Limits, known), "; ")
			}
		}
	}
}

// atOneTime divides trials into those that ran at one time.
func atOneTime(trials []result.Trial) (groups [][]result.Trial) {
	for len(trials) > 0 {
		n := 1
		for n < len(trials) && trials[n].Order == trials[0].Order {
			n++
		}
		groups, trials = append(groups, trials[:n]), trials[n:]
	}
	return groups
}

func cellsOf(trials []result.Trial) string {
	var cells []int
	for i := range trials {
		cells = append(cells, trials[i].Cell)
	}
	slices.Sort(cells)
	return fmt.Sprint(cells)
}

// waited is how long servers and clients of one time waited for CPUs, in CPU-seconds
// a second, NaN where that is not known of all. Rivals on the same CPUs wait by turns,
// now the one long and now the other, but always about as long together.
func waited(trials []result.Trial) (sum float64) {
	for i := range trials {
		if trials[i].Void != "" {
			return math.NaN()
		}
		sum += trials[i].Server.RunQueueWaitShare()
		if c := trials[i].Client; c != nil { // reads of a file have none
			sum += c.RunQueueWaitShare()
		}
	}
	return sum
}

// tooLong says so of a wait that is beyond what is usual.
func tooLong(wait float64, all []float64, limit float64) []string {
	if limit == 0 || len(all) < usualOf {
		return nil
	}
	if usual := all[len(all)/2]; wait > 1.5*usual+limit {
		return []string{fmt.Sprintf("server and client waited for a CPU for %.2g s a second, above the limit of %.2g, that is half as long again as is usual here, and %.2g", wait, 1.5*usual+limit, limit)}
	}
	return nil
}

// interference is which limits were passed of the time that others took.
func interference(m *result.Machine, env *result.Env, l result.Limits, known bool) (why []string) {
	check := func(who string, used, limit float64) {
		all := m.Seconds * float64(env.CPUs)
		if used > limit*all+grain {
			why = append(why, fmt.Sprintf("%s took %.0f %% of all CPUs' time, above the limit of %.0f %%", who, 100*used/all, 100*limit))
		}
	}
	check("the hypervisor", m.StealSeconds, l.StealShare)
	if other := m.OtherSeconds; known {
		if env.IRQAccounting != "task" {
			other -= m.SoftirqSeconds // the test's own, as far as anyone can tell
		}
		check("other processes", other, l.OtherShare)
	}
	return why
}

func disturbance(t *result.Trial, env *result.Env, l result.Limits, known bool) []string {
	why := interference(t.Machine, env, l, known)
	if t.LateSeconds > l.LateShare*t.Seconds {
		why = append(why, fmt.Sprintf("CPU was metered from %.3g s into the window of %.3g s on, as reading the threads took longer than the warm-up or the machine was too busy; use a longer --warmup or --duration",
			t.LateSeconds, t.Seconds))
	}
	return why
}
