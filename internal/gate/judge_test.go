package gate

import (
	"math"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

var echo = result.Load{Workload: "echo", Network: "tcp", Conns: 64, Size: 64}

// finding is of the CPU of "s": head/base is as of 30 pairs with this mean and standard
// deviation of their logarithms.
func finding(ratio, sd, floor float64) compare.Finding {
	var pairs [][2]float64
	for i := range 30 {
		x := sd * 0.983 // so that the deviation of the 30 is sd
		if i%2 == 0 {
			x = -x
		}
		pairs = append(pairs, [2]float64{ratio * math.Exp(x), 1})
	}
	return compare.Finding{Contestant: "s", Load: echo, Metric: compare.CPU, Lower: true, Effect: stat.Compare(pairs), Floor: floor, Q: 0.001}
}

func exactly(metric compare.Metric, lower bool, ratio float64) compare.Finding {
	return compare.Finding{Contestant: "s", Load: echo, Metric: metric, Lower: lower, Exact: true, Resolution: 0.001, Q: math.NaN(),
		Effect: stat.Effect{Center: ratio, Lo: ratio, Hi: ratio, Pairs: 8, Sessions: 1}, Base: stat.Interval{Center: 2}, Head: stat.Interval{Center: 2 * ratio}}
}

// Every outcome is reached: a regression is proven, and nothing passes that would not
// have been seen.
func TestJudge(t *testing.T) {
	change := func(f compare.Finding, how func(*compare.Finding)) compare.Finding {
		how(&f)
		return f
	}
	cpu := Rule{Metric: compare.CPU, Threshold: 0.02}
	calls := Rule{Metric: compare.Syscalls, Exact: true}
	open := echo
	open.Rate = 1000
	for _, c := range []struct {
		name   string
		found  compare.Finding
		rule   Rule
		want   Outcome
		text   string // of the judgement
		advice string
	}{
		{"worse", finding(1.1, 0.02, 0), cpu, Fail, "CPU a message of s (tcp, 64 connections × 64 B, closed loop) is worse by 10 %", ""},
		{"the same", finding(1, 0.02, 0), cpu, Pass, "is worse by 0.75 % at most", ""},
		{"better", finding(0.9, 0.02, 0), cpu, Pass, "is better by 10 %", ""},
		{"worse by less than the threshold", finding(1.005, 0.02, 0), cpu, Pass, "is worse by 1.3 % at most", ""},
		{"worse by about the threshold", finding(1.02, 0.02, 0), cpu, Noisy, "whether by more than 2 % is open", "more trials"},
		{"noisy", finding(1, 0.2, 0), cpu, Noisy, "only a change of 11 % would have been seen, and 2 % is asked for", "about 828 more trials (--trials)"},
		{"noisy and worse", finding(1.09, 0.2, 0), cpu, Noisy, "and whether by more than 2 % is open", "more trials (--trials)"},
		{"below the floor", finding(1.1, 0.02, 0.2), cpu, Noisy, "within what the same thing differs by from itself", "the same thing differs from itself by up to 20 %"},
		{"its interval within the floor", finding(1.05, 0.02, 0.045), cpu, Noisy, "the interval reaches within what the same thing differs by from itself in this session, 4.5 %", "the same thing differs from itself by up to 4.5 %"},
		{"no difference, but a floor that hides one", finding(1.01, 0.05, 0.2), cpu, Noisy, "would have been seen", "a quieter machine"},
		{"the same, where the same thing is not", finding(1, 0.02, 0.2), cpu, Noisy, "only a change of 20 % would have been seen", "the same thing differs from itself by up to 20 %"},
		{"by chance among many", change(finding(1.1, 0.02, 0), func(f *compare.Finding) { f.Q = 0.2 }), cpu, Noisy, "by chance", ""},
		{"withheld", change(finding(1.1, 0.02, 0), func(f *compare.Finding) { f.Withheld = "too few pairs" }), cpu, Noisy, "no verdict, too few pairs", "ringbench doctor"},
		{"not known", change(finding(1, 0, 0), func(f *compare.Finding) { f.Effect = stat.Compare() }), cpu, Noisy, "not measured often enough", "--trials"},
		{"not measured", finding(1, 0.01, 0), Rule{Metric: compare.P99, Threshold: 0.1}, Noisy, "p99: nothing that was measured falls under the rule", "measure what the rule on p99 asks for"},
		{"not measured, and optional", finding(1, 0.01, 0), Rule{Metric: compare.P99, Threshold: 0.1, Optional: true}, Noisy, "", "no rule but advice covers what was measured"},
		{"advice alone", finding(1.1, 0.02, 0), Rule{Metric: compare.CPU, Threshold: 0.02, Advice: true}, Noisy, "advice only", "no rule but advice"},
		{"a call more", exactly(compare.Syscalls, true, 1.5), calls, Fail, "is another: 3, was 2; it is exact", ""},
		{"a call less", exactly(compare.Syscalls, true, 0.5), calls, Pass, "is 1, was 2; it is exact", ""},
		{"as many calls", exactly(compare.Syscalls, true, 1.0005), calls, Pass, "it is exact", ""},
		{"no threshold excuses an exact counter", exactly(compare.Syscalls, true, 1.5), Rule{Metric: compare.Syscalls, Threshold: 1}, Fail, "is another", ""},
		{"smaller batches", exactly(compare.CQEs, false, 0.5), Rule{Metric: compare.CQEs, Exact: true}, Fail, "is another", ""},
		{"exact no more", change(finding(1, 0.1, 0), func(f *compare.Finding) { f.Metric, f.Lost = compare.Syscalls, true }), calls, Noisy, "is exact in base, and in head it varies", ""},
		{"not exact, which the rule is for", change(finding(1.5, 0.1, 0), func(f *compare.Finding) { f.Metric = compare.Syscalls }), calls, Noisy, "syscalls, where it is exact: nothing that was measured falls under the rule", ""},
		{"of another contestant", finding(1.1, 0.02, 0), Rule{Metric: compare.CPU, Threshold: 0.02, Contestants: []string{"x*"}}, Noisy, "nothing that was measured", ""},
		{"of a pattern", finding(1.1, 0.02, 0), Rule{Metric: compare.CPU, Threshold: 0.02, Contestants: []string{"x", "[r-t]"}, Loads: []string{"*closed*"}}, Fail, "worse", ""},
		{"of a load whose name has a slash", change(finding(1.1, 0.02, 0), func(f *compare.Finding) { f.Load = open }), Rule{Metric: compare.CPU, Threshold: 0.02, Loads: []string{"*open loop*"}}, Fail, "messages/s", ""},
	} {
		d := Judge(&compare.Comparison{Findings: []compare.Finding{c.found}}, []Rule{c.rule})
		text := ""
		if len(d.Judged) > 0 {
			text = d.Judged[0].Text
		}
		if d.Outcome != c.want || !strings.Contains(text, c.text) || c.text == "" && text != "" {
			t.Errorf("%s: %v, %q; want %v, %q", c.name, d.Outcome, text, c.want, c.text)
		}
		if advice := strings.Join(d.Advice, "; "); !strings.Contains(advice, c.advice) || d.Outcome == Noisy && advice == "" {
			t.Errorf("%s: advice %q, want %q", c.name, advice, c.advice)
		}
		if told := len(d.Comparison.Warnings) > 0; told != strings.HasPrefix(c.name, "not exact") {
			t.Errorf("%s: warnings %q", c.name, d.Comparison.Warnings)
		}
	}
}

// The gravest decides, and advice does not; the least that would have been seen is of
// the noisiest load.
func TestDecision(t *testing.T) {
	worse, noisy, rate := finding(1.1, 0.02, 0), finding(1, 0.2, 0), finding(1.3, 0.01, 0)
	noisy.Contestant, rate.Metric = "noisy", compare.Throughput
	rate.Lower = false
	c := &compare.Comparison{Findings: []compare.Finding{noisy.At(0.01), worse.At(0.01), rate.At(0.01)}}
	rules := []Rule{{Metric: compare.Throughput, Threshold: 0.05, Advice: true}, {Metric: compare.CPU, Threshold: 0.02}}
	d := Judge(c, rules)
	if d.Outcome != Fail || d.Judged[0].Outcome != Fail || d.Judged[0].Contestant != "s" || d.Judged[1].Outcome != Noisy || !d.Judged[2].Rule.Advice {
		t.Errorf("%v: %+v", d.Outcome, d.Judged)
	}
	if want := noisy.At(0.01).Detectable; d.Smallest != want {
		t.Errorf("smallest %v, want %v", d.Smallest, want)
	}
	rate.Effect = stat.Effect{Center: 0.5, Lo: 0.49, Hi: 0.51, Pairs: 30, Sessions: 1}
	c = &compare.Comparison{Findings: []compare.Finding{rate.At(0.01), finding(1, 0.02, 0).At(0.01)}}
	if d := Judge(c, rules); d.Outcome != Pass || d.Judged[0].Outcome != Fail || !strings.HasSuffix(d.Judged[0].Text, "advice only") {
		t.Errorf("half of the throughput: %v, %+v", d.Outcome, d.Judged[0])
	}
	if d := Judge(&compare.Comparison{}, DefaultRules()); d.Outcome != Noisy || !math.IsNaN(d.Smallest) {
		t.Errorf("of nothing: %v, %v", d.Outcome, d.Smallest)
	}
}

// Of what is the same few are called regressions and few are called too noisy, if the
// run is as long as its threshold asks for.
func TestJudgeOnSame(t *testing.T) {
	outcomes := map[Outcome]int{}
	for _, ratio := range []float64{0.99, 0.995, 1, 1.002, 1.004} {
		d := Judge(&compare.Comparison{Findings: []compare.Finding{finding(ratio, 0.02, 0)}}, []Rule{{Metric: compare.CPU, Threshold: 0.012}})
		outcomes[d.Outcome]++
	}
	if outcomes[Pass] != 5 {
		t.Errorf("%v", outcomes)
	}
}
