package reports

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// resultPhrases are of pages of results.
var resultPhrases = slices.Concat(constantPhrases, cutPhrases, setPhrases, cellPhrases, verdictPhrases, titlePhrases)

// counts are the least and the greatest number of trials that count for a row.
func (w *walked) counts() (least, most float64) {
	least = math.Inf(1)
	for _, cells := range w.cells {
		for _, cell := range cells {
			n := float64(w.middle(cell, raw.rate).n)
			least, most = min(least, n), max(most, n)
		}
	}
	return least, most
}

// over all trials a share has a median, and there is a most.
func (w *walked) overAll(of func(raw) float64) (median, most float64) {
	var values []float64
	for i := range w.set.Trials {
		if x := of(raw{&w.set.Trials[i]}); !math.IsNaN(x) {
			values = append(values, x)
		}
	}
	return middleOf(values...).mid, slices.Max(values)
}

func (w *walked) steal(t raw) float64 {
	return w.shareOf(func(m *result.Machine) float64 { return m.StealSeconds })(t)
}

func (w *walked) other(t raw) float64 {
	return w.shareOf(func(m *result.Machine) float64 { return m.OtherSeconds })(t)
}

// trialsThat counts those of a whole set.
func (w *walked) trialsThat(is func(raw) bool) (n float64) {
	for i := range w.set.Trials {
		if is(raw{&w.set.Trials[i]}) {
			n++
		}
	}
	return n
}

// quoted is what the result says in words, one of list.
func quoted(list func(*walked, *place) []string) func(*walked, *place, []string) []any {
	return func(w *walked, at *place, words []string) []any {
		if slices.Contains(list(w, at), words[0]) {
			return []any{words[0]}
		}
		return nil
	}
}

// saidOf are the words of the trials of the contestant that the label names.
func saidOf(of func(result.Cell, raw) string) func(*walked, *place, []string) []any {
	return quoted(func(w *walked, at *place) (list []string) {
		for cell, c := range w.set.Plan.Cells {
			for _, t := range w.all(cell) {
				if c.Contestant == at.label {
					list = append(list, of(c, t))
				}
			}
		}
		return list
	})
}

// blocks are how many were begun.
func (w *walked) blocks() (n float64) {
	for _, t := range w.set.Trials {
		n = max(n, float64(t.Block+1))
	}
	return n
}

// cpusIn are those that a list of ranges names.
func cpusIn(text string) (cpus []int) {
	for _, part := range strings.Split(text, ",") {
		from, to, several := strings.Cut(part, "-")
		if !several {
			to = from
		}
		first, _ := strconv.Atoi(from)
		last, _ := strconv.Atoi(to)
		for c := first; c <= last; c++ {
			cpus = append(cpus, c)
		}
	}
	return cpus
}

// on are CPUs as they are in a sentence, of which the first words name the placement.
func on(sides ...func(*result.Plan) []int) func(*walked, *place, []string) []any {
	return func(w *walked, _ *place, words []string) []any {
		says := []any{nil}
		for i, side := range sides {
			if !slices.Equal(cpusIn(words[i+1]), side(&w.set.Plan)) {
				return nil
			}
			says = append(says, words[i+1])
		}
		return says
	}
}

func serverCPUs(p *result.Plan) []int { return p.ServerCPUs }
func clientCPUs(p *result.Plan) []int { return p.ClientCPUs }
func originCPUs(p *result.Plan) []int { return p.OriginCPUs }

// sum is over the trials of a cell that count, and in how many there is something to add.
func (w *walked) sum(cell int, of func(raw) float64) (sum, trials float64) {
	for _, t := range w.counting(cell) {
		if x := of(t); x > 0 {
			sum, trials = sum+x, trials+1
		}
	}
	return sum, trials
}

// inTrials is of how many trials something is said, and of how many there are.
func inTrials(of func(raw) float64, says func(sum, trials, all float64) []any) func(*walked, *place, []string) []any {
	return func(w *walked, at *place, _ []string) []any {
		if at.cell < 0 {
			return nil
		}
		sum, trials := w.sum(at.cell, of)
		return says(sum, trials, float64(len(w.counting(at.cell))))
	}
}

func sumAndTrials(sum, trials, all float64) []any { return []any{sum, trials, all} }
func theTrials(_, trials, all float64) []any      { return []any{trials, all} }
func theSum(sum, _, _ float64) []any              { return []any{sum} }

// unsteady is of a trial that goes over a step of a tenth or more: a step within the last
// quarter of its window leaves no steady state, else the first quarter is lower or higher
// than the last.
func (t raw) unsteady() map[string]float64 {
	if t.Series == nil || len(t.Series.Counts)-t.Series.WarmUp < 20 {
		return nil
	}
	counts := t.Series.Counts[t.Series.WarmUp:]
	n := len(counts)
	mean := func(from, to int) (sum float64) {
		for _, x := range counts[from:to] {
			sum += float64(x) / float64(to-from)
		}
		return sum
	}
	first, before, last := mean(0, n/4), mean(n*3/4, n*7/8), mean(n*7/8, n)
	switch {
	case math.Abs(before/last-1) >= 0.1:
		return map[string]float64{"no steady state": 1}
	case first/last-1 <= -0.1:
		return map[string]float64{"warm-up": 1}
	case first/last-1 >= 0.1:
		return map[string]float64{"slowdown": 1}
	}
	return nil
}

// cellPhrases are of one contestant under one load.
var cellPhrases = []*phrase{
	{form: "# of # trials not steady within the window (…)", says: func(w *walked, at *place, _ []string) []any {
		var sum float64
		var parts []string
		for _, kind := range []string{"warm-up", "slowdown", "no steady state"} {
			if n, _ := w.sum(at.cell, func(t raw) float64 { return t.unsteady()[kind] }); n > 0 {
				sum, parts = sum+n, append(parts, fmt.Sprint(n, " ", kind))
			}
		}
		return []any{sum, float64(len(w.counting(at.cell))), strings.Join(parts, ", ")}
	}},
	{form: "in # of # trials the client was the limit, so the throughput measures the client", says: inTrials(func(t raw) float64 {
		return float64(strings.Count(t.Verdict, result.ClientBound))
	}, theTrials)},
	{form: "up to # of # connections never answered, …, in # of # trials", says: func(w *walked, at *place, _ []string) []any {
		_, trials := w.sum(at.cell, func(t raw) float64 { return float64(t.Unserved) })
		most := 0
		for _, t := range w.counting(at.cell) {
			most = max(most, t.Unserved)
		}
		return []any{float64(most), float64(w.set.Plan.Cells[at.cell].Conns), nil, trials, float64(len(w.counting(at.cell)))}
	}},
	{form: "connections waited for their first answer, from the start of the load: p50 # ms, longest ≥ # ms", says: func(w *walked, at *place, _ []string) []any {
		waits := w.merged(at.cell, func(t raw) *result.Histogram { return t.BacklogWait })
		return []any{waits.anyAt(50) / 1e3, waits.anyAt(100) / 1e3}
	}},
	{form: "# datagrams were not answered in time, in # of # trials", says: inTrials(func(t raw) float64 { return float64(t.Lost) }, sumAndTrials)},
	{form: "# answers came too late or twice, in # of # trials", says: inTrials(func(t raw) float64 { return float64(t.Late) }, sumAndTrials)},
	{form: "some ended within the window in # of # trials: what they used is missing from its figures", says: inTrials(func(t raw) float64 { return float64(t.Server.ProcessesEnded) }, theTrials)},
	{form: "not counted by tracepoint in # of # trials: …", says: func(w *walked, at *place, _ []string) []any {
		why := ""
		_, trials := w.sum(at.cell, func(t raw) float64 { why = or(why, t.TraceFailure); return float64(len(t.TraceFailure)) })
		return []any{trials, float64(len(w.counting(at.cell))), why}
	}},
	{form: "# ± # % of the proxy's CPU", says: func(w *walked, at *place, _ []string) []any {
		share, _ := w.user(at.cell, func(t raw) *result.Process { return t.Server })
		cpu, _ := w.sum(at.cell, func(t raw) float64 { return t.Server.CPUSeconds })
		squares, _ := w.sum(at.cell, func(t raw) float64 { return math.Pow(t.Server.CPUSeconds*t.Server.UserShareError, 2) })
		return []any{100 - share, 100 * math.Sqrt(squares) / cpu}
	}},
	{form: "softirqs of the whole machine took # ns a …", says: func(w *walked, at *place, _ []string) []any {
		return []any{w.middle(at.cell, func(t raw) float64 { return t.each(t.Machine.SoftirqSeconds, t.Machine.Seconds) }).mid, nil}
	}},
	{form: "# of the server's ended in mid-trial", says: inTrials(func(t raw) float64 { return float64(t.Server.ThreadsEnded) }, theSum)},
	{form: "the generator polled for # % of its CPU time until a … was due", says: func(w *walked, at *place, _ []string) []any {
		spun, _ := w.sum(at.cell, func(t raw) float64 { return t.Client.SpinSeconds })
		cpu, _ := w.sum(at.cell, func(t raw) float64 { return t.Client.CPUSeconds })
		return []any{100 * spun / cpu, nil}
	}},
	{form: "it spun for # ns a … on purpose, in the median of its trials", says: func(w *walked, at *place, _ []string) []any {
		return []any{w.middle(at.cell, func(t raw) float64 { return t.Slowed.CPUSeconds / t.Slowed.Messages * 1e9 }).mid, nil}
	}},
	{form: "…, …", says: func(w *walked, at *place, words []string) []any {
		if at.label != "events" {
			return nil
		}
		w.claim(at, words[0])
		w.claim(at, words[1])
		return []any{words[0], words[1]}
	}},
	{form: "… # (# a …)", says: func(w *walked, at *place, words []string) []any {
		moved := map[bool]string{true: "bytes_out", false: "bytes_in"}[w.set.Plan.Workload() == "stream"]
		sum, _ := w.sum(max(at.cell, 0), func(t raw) float64 { return float64(t.Counters[words[0]]) })
		bytes, _ := w.sum(max(at.cell, 0), func(t raw) float64 { return float64(t.Counters[moved]) })
		if sum == 0 || at.cell < 0 {
			return nil
		}
		return []any{words[0], sum, sum / (bytes / unitBytes(w.set.Plan.Cells[at.cell].Load)), nil}
	}},
	{form: "# % of # zero-copy sends were copied after all, as the kernel reports", says: func(w *walked, at *place, _ []string) []any {
		copied, _ := w.sum(at.cell, func(t raw) float64 { return float64(t.Counters["zc_copied"]) })
		all, _ := w.sum(at.cell, func(t raw) float64 { return float64(t.Counters["zc_notifications"]) })
		return []any{100 * copied / all, all}
	}},
	{form: "… late by p50 #, p99 # µs", says: func(w *walked, at *place, _ []string) []any {
		lag := w.merged(at.cell, func(t raw) *result.Histogram { return t.SendLag })
		return []any{nil, lag.at(50), lag.at(99)}
	}},
	{form: "# times were longer than the 100 s that a histogram holds and count as that long", says: inTrials(func(t raw) float64 { return float64(t.Clipped) }, theSum)},
	{form: "# of the # …/s offered were answered", says: func(w *walked, at *place, _ []string) []any {
		offered, _ := w.sum(at.cell, func(t raw) float64 { return float64(t.Offered) })
		answered, _ := w.sum(at.cell, func(t raw) float64 { return float64(t.Messages) })
		seconds, _ := w.sum(at.cell, func(t raw) float64 { return t.Seconds })
		return []any{answered / seconds, offered / seconds, nil}
	}},
}

// setPhrases are of a whole run.
var setPhrases = []*phrase{
	{form: "± % is half of the range of the trials (# to #: too few for a 95 % interval, which takes 6)", says: func(w *walked, _ *place, _ []string) []any {
		least, most := w.counts()
		return []any{least, most}
	}},
	{form: "± % is half of the range of the trials (#: too few for a 95 % interval, which takes 6)", says: func(w *walked, _ *place, _ []string) []any {
		_, most := w.counts()
		return []any{most}
	}},
	{form: "± % is half of the 95 % interval of the median, or of the range where fewer than 6 trials count (# to #)", says: func(w *walked, _ *place, _ []string) []any {
		least, most := w.counts()
		return []any{least, most}
	}},
	{form: "the user share (u), the rest being kernel, is a sample at # Hz ± its standard error", says: func(w *walked, _ *place, _ []string) []any { return []any{w.set.Env.TickHz} }},
	{form: "…, server on CPU …, client on CPU …, origin on CPU …", says: on(serverCPUs, clientCPUs, originCPUs)},
	{form: "…, server on CPU …, client on CPU …", says: on(serverCPUs, clientCPUs)},
	{form: "…, each contestant on CPU …", says: on(serverCPUs)},
	{form: "tier …", says: saidOf(func(_ result.Cell, t raw) string { return t.Tier })},
	{form: "foreign server, …", says: saidOf(func(c result.Cell, _ raw) string { return c.Command })},
	{form: "server that ran already of # processes, whose memory is added up, at …", says: func(w *walked, at *place, words []string) []any {
		cell := slices.IndexFunc(w.set.Plan.Cells, func(c result.Cell) bool { return c.Contestant == at.label })
		return []any{float64(w.all(cell)[0].Server.Processes), w.set.Plan.Cells[cell].Target}
	}},
	{form: "… where it was started", says: quoted(func(w *walked, _ *place) []string { return []string{w.set.Plan.Cells[0].Target} })},
	{form: "harness floor (null backend, …) under the first of # loads, …: # ns CPU a … at # …/s", says: func(w *walked, _ *place, _ []string) []any {
		f := w.set.Floor
		return []any{nil, float64(len(w.loads)), w.loads[0].String(), f.CPUSeconds / float64(f.Messages) * 1e9, nil, float64(f.Messages) / f.Seconds, nil}
	}},
	{form: "harness floor (null backend, …): # ns CPU a … at # …/s", says: func(w *walked, _ *place, _ []string) []any {
		f := w.set.Floor
		return []any{nil, f.CPUSeconds / float64(f.Messages) * 1e9, nil, float64(f.Messages) / f.Seconds, nil}
	}},
	{form: "scheduler …, …, # requests, write cache …", says: func(w *walked, _ *place, _ []string) []any {
		return []any{nil, nil, float64(w.set.Storage.Queue.Requests), nil}
	}},
	{form: "of all CPUs' time: steal median # %, most # %, other processes median # %, most # %", says: func(w *walked, _ *place, _ []string) []any {
		steal, stealMost := w.overAll(w.steal)
		other, otherMost := w.overAll(w.other)
		return []any{steal, stealMost, other, otherMost}
	}},
	{form: "server threads waiting for a CPU, CPU-seconds a second: median #, most #", says: func(w *walked, _ *place, _ []string) []any {
		median, most := w.overAll(raw.waiting)
		return []any{median, most}
	}},
	{form: "above 5 %: … (steal # %, other processes # %)", says: func(w *walked, at *place, words []string) []any {
		cell := slices.IndexFunc(w.set.Plan.Cells, func(c result.Cell) bool { return c.Contestant == words[0] && c.Load == w.loads[at.load] })
		return []any{words[0], w.middle(cell, w.steal).mid, w.middle(cell, w.other).mid}
	}},
	{form: "#, all count", says: func(w *walked, _ *place, _ []string) []any {
		return []any{w.trialsThat(func(t raw) bool { return t.Void == "" && t.Disturbed == "" })}
	}},
	{form: "# of # are void and not in the figures", says: func(w *walked, _ *place, _ []string) []any {
		return []any{w.trialsThat(func(t raw) bool { return t.Void != "" }), w.trialsThat(func(raw) bool { return true })}
	}},
	{form: "… (# times)", says: func(w *walked, at *place, words []string) []any {
		return []any{words[0], w.trialsThat(func(t raw) bool { return t.Cell == at.cell && t.Void == words[0] })}
	}},
	{form: "# trials left out of the figures", says: func(w *walked, _ *place, _ []string) []any { return []any{w.disturbed(false)} }},
	{form: "the first: …", says: quoted(func(w *walked, _ *place) (list []string) {
		for _, t := range w.set.Trials {
			list = append(list, t.Disturbed)
		}
		return list
	})},
	{form: "# trials disturbed: figures include them, since most of a cell's are (…)", says: func(w *walked, at *place, words []string) []any {
		w.claim(at, words[1])
		return []any{w.disturbed(true), words[1]}
	}},
	{form: "… (…) # of #", says: func(w *walked, _ *place, words []string) []any {
		cell := slices.IndexFunc(w.set.Plan.Cells, func(c result.Cell) bool { return c.Contestant == words[0] && c.Load.String() == words[1] })
		if cell < 0 {
			return nil
		}
		return []any{words[0], words[1], w.trialsThat(func(t raw) bool { return t.Cell == cell && t.Disturbed != "" }), float64(len(w.all(cell)))}
	}},
	{form: "ended after # of # blocks, when the intervals of all ratios of CPU were within ±# %", says: func(w *walked, _ *place, _ []string) []any {
		return []any{w.blocks(), float64(w.set.Plan.Trials), 100 * w.set.Plan.Until}
	}},
	{form: "all # blocks were run, for the intervals of all ratios of CPU to come within ±# %", says: func(w *walked, _ *place, _ []string) []any {
		return []any{w.blocks(), 100 * w.set.Plan.Until}
	}},
	{form: "at … from block # on", says: func(w *walked, _ *place, _ []string) []any {
		r := w.set.Resumed[0]
		return []any{r.Started.Format(time.RFC3339), float64(r.Block + 1)}
	}},
	{form: "…, session #, started …: …", says: func(w *walked, _ *place, words []string) []any { return w.joined(words) }},
	{form: "…, sessions # to #, started …: …", says: func(w *walked, _ *place, words []string) []any { return w.joined(words) }},
	{form: "95 % intervals by Student's t over the means of # sessions # s apart, so they carry what differs between sessions", says: func(w *walked, _ *place, _ []string) []any {
		return []any{float64(w.set.Plan.Sessions), w.set.Plan.SessionGapSeconds}
	}},
	{form: "95 % intervals by Student's t over the means of # sessions of # runs, so they carry what differs between sessions", says: func(w *walked, _ *place, _ []string) []any {
		return []any{float64(w.set.Plan.Sessions), float64(len(w.set.Joined))}
	}},
	{form: "not measured: …: …", says: func(w *walked, _ *place, _ []string) []any {
		return []any{w.set.Plan.LeftOut[0].Contestant, w.set.Plan.LeftOut[0].Why}
	}},
	{form: "…", says: quoted(func(w *walked, _ *place) []string {
		list := append([]string{strings.Join(w.set.Command, " ")}, w.set.Warnings...)
		for _, l := range w.set.Plan.LeftOut {
			list = append(list, l.Why)
		}
		for _, t := range w.set.Trials {
			list = append(list, t.Void)
		}
		return list
	})},
}

// disturbed counts those that are in the figures, or those that are not.
func (w *walked) disturbed(in bool) (n float64) {
	return w.trialsThat(func(t raw) bool {
		counts := slices.ContainsFunc(w.counting(t.Cell), func(c raw) bool { return c.Trial == t.Trial })
		return t.Disturbed != "" && counts == in
	})
}

// joined is the part of the set that words begin with the name of.
func (w *walked) joined(words []string) []any {
	session := 1
	for _, p := range w.set.Joined {
		if p.Name != words[0] {
			session += p.Sessions
			continue
		}
		says := []any{p.Name, float64(session)}
		if p.Sessions > 1 {
			says = append(says, float64(session+p.Sessions-1))
		}
		return append(says, p.Started.UTC().Format(time.RFC3339), strings.Join(p.Command, " "))
	}
	return nil
}
