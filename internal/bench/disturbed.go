package bench

import (
	"fmt"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// limits of interference. What an idle machine does for itself, and the steal of
// a quiet host, are 1 to 3 % of all CPUs' time; a tenth is more than most of the
// differences that are looked for. A fifth of the window is what the CPU metered
// may be out of step with the messages counted.
var limits = result.Limits{StealShare: 0.1, OtherShare: 0.1, LateShare: 0.2}

// grain is how far off /proc/stat can be: it counts a class of CPU time in units
// of 10 ms, and most of the time is in three classes.
const grain = 0.03

// disturb marks the trials that ran at one time, and the moments of them, that passed
// a limit of the set's plan.
func disturb(set *result.Set, trials []result.Trial) {
	known := true // who ran on the CPUs
	for i := range trials {
		known = known && trials[i].Server != nil
	}
	for i := range trials {
		t := &trials[i]
		if t.Void != "" || t.Machine == nil {
			continue
		}
		t.Disturbed = disturbance(t, &set.Env, set.Plan.Limits, known)
		for k := range t.Moments {
			m := &t.Moments[k]
			m.Disturbed = strings.Join(interference(&m.Machine, &set.Env, set.Plan.Limits, known), "; ")
		}
	}
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

func disturbance(t *result.Trial, env *result.Env, l result.Limits, known bool) string {
	why := interference(t.Machine, env, l, known)
	if t.LateSeconds > l.LateShare*t.Seconds {
		why = append(why, fmt.Sprintf("CPU was metered from %.3g s into the window of %.3g s on, as reading the threads took longer than the warm-up or the machine was too busy; use a longer --warmup or --duration",
			t.LateSeconds, t.Seconds))
	}
	return strings.Join(why, "; ")
}
