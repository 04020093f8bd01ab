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

// usualOf is of how many trials the middle one tells what is usual.
const usualOf = 3

// disturb marks the trials of a set, and the moments of them, that passed a limit of
// its plan. Since what is usual changes with every trial, all are marked anew.
func disturb(set *result.Set) {
	usual := usualWaits(set)
	for rest := set.Trials; len(rest) > 0; {
		n := 1 // of trials that ran at one time
		for n < len(rest) && rest[n].Order == rest[0].Order {
			n++
		}
		known := true // who ran on the CPUs
		for i := range rest[:n] {
			known = known && rest[i].Server != nil
		}
		for i := range rest[:n] {
			t := &rest[i]
			if t.Void != "" || t.Machine == nil {
				continue
			}
			t.Disturbed = strings.Join(disturbance(t, &set.Env, set.Plan.Limits, known, usual[t.Cell]), "; ")
			for k := range t.Moments {
				m := &t.Moments[k]
				m.Disturbed = strings.Join(interference(&m.Machine, &set.Env, set.Plan.Limits, known), "; ")
			}
		}
		rest = rest[n:]
	}
}

// waiting are processes of a trial that may have to wait for a CPU.
var waiting = []struct {
	who string
	of  func(*result.Trial) *result.Process
}{
	{"the server", func(t *result.Trial) *result.Process { return t.Server }},
	{"the client", func(t *result.Trial) *result.Process { return t.Client }},
}

// usualWaits is, by cell, how long each of waiting waits in the middle one of its
// trials. Cells of few trials have none.
func usualWaits(set *result.Set) map[int][]float64 {
	all := map[int][][]float64{}
	for i := range set.Trials {
		t := &set.Trials[i]
		if t.Void != "" {
			continue
		}
		if all[t.Cell] == nil {
			all[t.Cell] = make([][]float64, len(waiting))
		}
		for k, w := range waiting {
			if v := w.of(t).RunQueueWaitShare(); !math.IsNaN(v) {
				all[t.Cell][k] = append(all[t.Cell][k], v)
			}
		}
	}
	usual := map[int][]float64{}
	for cell, waits := range all {
		usual[cell] = make([]float64, len(waiting))
		for k, values := range waits {
			slices.Sort(values)
			usual[cell][k] = math.NaN()
			if len(values) >= usualOf {
				usual[cell][k] = values[len(values)/2]
			}
		}
	}
	return usual
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

func disturbance(t *result.Trial, env *result.Env, l result.Limits, known bool, usual []float64) []string {
	why := interference(t.Machine, env, l, known)
	if t.LateSeconds > l.LateShare*t.Seconds {
		why = append(why, fmt.Sprintf("CPU was metered from %.3g s into the window of %.3g s on, as reading the threads took longer than the warm-up or the machine was too busy; use a longer --warmup or --duration",
			t.LateSeconds, t.Seconds))
	}
	if l.WaitShare > 0 {
		for k, w := range waiting {
			if got, most := w.of(t).RunQueueWaitShare(), 2*usual[k]+l.WaitShare; got > most { // neither of which may be known
				why = append(why, fmt.Sprintf("%s waited for a CPU %.2g s a second, above the limit of %.2g (twice what is usual in its trials, and %.2g)", w.who, got, most, l.WaitShare))
			}
		}
	}
	return why
}
