package reports

import (
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// found is the CPU finding of a contestant whose pairs have these ratios, beside
// the same against itself.
func found(t *testing.T, same, cpu []float64) finding {
	t.Helper()
	s := newContests("", []int{64}, []string{"uring", "epoll", "uring again"},
		contest{a: 0, b: 2, cpu: same, same: true}, contest{a: 0, b: 1, cpu: cpu})
	for _, e := range effects(s) {
		if !e.match.Same {
			return e.cpu
		}
	}
	t.Fatal("no effect")
	return finding{}
}

// A difference counts where it is beyond the noise that like things show in the
// same run, and only there.
func TestFindingAgainstNoise(t *testing.T) {
	quiet := []float64{1.001, 0.999, 1.002, 0.998, 1.001, 0.999}
	loud := []float64{1.05, 0.94, 1.08, 0.93, 1.06, 0.97}
	slower := []float64{1.031, 1.029, 1.032, 1.028, 1.031, 1.029}
	like := []float64{1.002, 0.999, 1.001, 0.998, 1.001, 1}
	for _, c := range []struct {
		name      string
		same, cpu []float64
		want      stat.Verdict
		words     string
	}{
		{"a difference", quiet, slower, stat.Greater, "3.0 % more CPU"},
		{"below the noise", loud, slower, stat.Inconclusive, "CPU: no difference detectable, one of 7.6 % would have been"},
		{"none", quiet, like, stat.NoDifference, "CPU the same within 1.0 %"},
		{"noise that is not known", quiet[:1], slower, stat.Inconclusive, "CPU: no verdict, the A/A pair was not measured often enough to know the noise"},
		{"two pairs", quiet, slower[:2], stat.Inconclusive, "CPU: no verdict, 2 of 6 pairs count, and a verdict takes 3"},
	} {
		f := found(t, c.same, c.cpu)
		if got := f.words("CPU"); f.verdict != c.want || got != c.words {
			t.Errorf("%s: %v, %q; want %v, %q", c.name, f.verdict, got, c.want, c.words)
		}
	}
}

// Most pairs disturbed is no verdict, whatever they show; a few are left out.
func TestFindingOfDisturbedPairs(t *testing.T) {
	s := newDuet(1.03, 1.03, 1.031, 1.03, 1.029)
	words := func() string { return effects(s)[0].rate.words("throughput") }
	for i := range s.Trials[:4] {
		s.Trials[i].Disturbed = "steal"
	}
	if got := words(); got != "3.0 % more throughput" {
		t.Errorf("of two of five: %q", got)
	}
	s.Trials[4].Disturbed = "steal"
	if got := words(); !strings.Contains(got, "no verdict, 3 of 5 pairs were disturbed") {
		t.Errorf("of three of five: %q", got)
	}
}

// Of many comparisons of like things those that differ by chance are not found.
func TestFindingsAreJudgedTogether(t *testing.T) {
	names, contests := []string{"uring", "uring again"}, []contest{{a: 0, b: 1, same: true, cpu: []float64{1, 1.0001, 0.9999, 1, 1.0001, 0.9999}}}
	for i := range 20 {
		names = append(names, "x"+string(rune('a'+i)))
		c := contest{a: 0, b: i + 2, cpu: []float64{1.05, 0.95, 1.04, 0.96, 1.03, 0.97}}
		if i == 7 { // p is about 0.03, and one in 20 is below 0.05 by chance
			c.cpu = []float64{1.05, 1.01, 1.04, 1.0, 1.03, 1.005}
		}
		contests = append(contests, c)
	}
	s := newContests("", []int{64}, names, contests...)
	alone := newContests("", []int{64}, names[:3], contests[0], contest{a: 0, b: 2, cpu: contests[8].cpu})
	if e := effects(alone)[1].cpu; e.verdict != stat.Greater {
		t.Errorf("alone it is %v (%+v)", e.verdict, e.Effect)
	}
	for _, e := range effects(s) {
		if e.cpu.differs() {
			t.Errorf("%s is %v", e.b, e.cpu.verdict)
		}
		if got := e.cpu.words("CPU"); e.b == "xh" && !strings.HasPrefix(got, "CPU: no verdict, of so many comparisons some differ by this by chance (q = 0.") {
			t.Errorf("%q", got)
		}
	}
}

// A percentile that few pairs support has no verdict, whatever the others say.
func TestFindingOfFewPercentiles(t *testing.T) {
	s := newDuet(1.03, 1.03, 1.031, 1.03, 1.029)
	for i := range s.Trials {
		s.Trials[i].Service = result.NewHistogram()
		if i < 4 {
			s.Trials[i].Service.RecordValues(1000+500*int64(i%2), 2000)
		}
	}
	e := effects(s)[0]
	if got := e.p99.words("p99"); got != "p99: no verdict, 2 of 5 pairs count, and a verdict takes 3" || e.rate.why != "" {
		t.Errorf("%q, %q", got, e.rate.why)
	}
}

// What ran again for the noise is no contestant of the tables.
func TestAgainIsNoRow(t *testing.T) {
	s := newContests("", []int{64}, []string{"uring", "epoll", "uring again"},
		contest{a: 0, b: 2, cpu: []float64{1, 1, 1}, same: true}, contest{a: 0, b: 1, cpu: []float64{1, 1, 1}})
	for _, v := range views(s) {
		for _, r := range v.rows {
			if strings.HasSuffix(r.name, " again") {
				t.Errorf("%s has a row", r.name)
			}
		}
	}
	if out := table(t, s); !strings.Contains(out, "uring / uring again") {
		t.Errorf("the noise is not in the ratios:\n%s", out)
	}
}
