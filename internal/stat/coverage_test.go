package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

// skewed is exponential with a mean of 0.
func skewed(rng *rand.Rand) float64 { return rng.ExpFloat64() - 1 }

// runsOf are 10,000 with -long, for which least and most are meant, else few, for
// which the bounds are wider by four standard errors.
func runsOf(few int, least, most float64) (int, float64, float64) {
	if testenv.IsLong() {
		return 10000, least, most
	}
	slack := 4 * math.Sqrt(0.05/float64(few))
	return few, least - slack, most + slack
}

// An interval of 95 % contains the truth in 93 to 97 % of runs, except where a
// docstring tells the figure found: order statistics of few, Student's of skewed ones.
func TestIntervalsCover(t *testing.T) {
	student := func(values []float64) Interval {
		e := Compare(ratiosOf(values))
		return Interval{Lo: math.Log(e.Lo), Hi: math.Log(e.Hi)}
	}
	for _, c := range []struct {
		name        string
		interval    func([]float64) Interval
		of          noise
		truth       float64
		ns          []int
		least, most float64
	}{
		{"student, normal", student, normal, 0, []int{6, 10, 30}, 0.93, 0.97},
		{"student, heavy", student, heavy, 0, []int{6, 10, 30}, 0.93, 0.97},
		{"student, bursts", student, bursts, 0, []int{6, 10, 30}, 0.93, 0.975},
		{"student, skewed", student, skewed, 0, []int{6, 10, 30}, 0.87, 0.97},
		{"shift, normal", hodgesLehmann, normal, 0, []int{6, 10, 30}, 0.93, 0.975},
		{"shift, heavy", hodgesLehmann, heavy, 0, []int{6, 10, 30}, 0.93, 0.975},
		{"median, skewed", Median, skewed, math.Ln2 - 1, []int{6, 10, 30}, 0.945, 0.985},
	} {
		for _, n := range c.ns {
			rng := rand.New(rand.NewPCG(1, uint64(n)))
			runs, least, most := runsOf(200, c.least, c.most)
			in := 0
			values := make([]float64, n)
			for range runs {
				for i := range values {
					values[i] = c.of(rng)
				}
				if iv := c.interval(values); iv.Lo <= c.truth && c.truth <= iv.Hi {
					in++
				}
			}
			got := float64(in) / float64(runs)
			if got < least || got > most {
				t.Errorf("%s: of %d values it covers %.4f", c.name, n, got)
			}
			if testing.Verbose() {
				t.Logf("%s: of %d values it covers %.4f", c.name, n, got)
			}
		}
	}
}

// Student's interval over the sessions' means covers with any number of them, with
// what differs between them or without. To draw sessions again, and pairs within
// them, covers far too little.
func TestSessionsCover(t *testing.T) {
	for _, sessions := range []int{2, 3, 4, 5} {
		for _, c := range []struct {
			of      noise
			between float64
		}{{normal, 0}, {normal, 0.03}, {heavy, 0.03}} {
			rng := rand.New(rand.NewPCG(3, uint64(sessions)))
			runs, least, most := runsOf(500, 0.93, 0.97)
			in, drawn := 0, 0
			for range runs {
				all := simulate(rng, c.of, sessions, 8, 1.02, 0.03, c.between)
				if e := Compare(all...); e.Lo <= 1.02 && 1.02 <= e.Hi {
					in++
				}
				if lo, hi := redrawn(rng, all); lo <= 1.02 && 1.02 <= hi {
					drawn++
				}
			}
			got, rival := float64(in)/float64(runs), float64(drawn)/float64(runs)
			if got < least || got > most {
				t.Errorf("%d sessions that differ by %v: covers %.4f", sessions, c.between, got)
			}
			if c.between > 0 && rival > 0.93 {
				t.Errorf("%d sessions that differ by %v: drawing again covers %.4f; is it good enough after all?", sessions, c.between, rival)
			}
		}
	}
}

// redrawn is the percentile interval of a bootstrap of sessions and of pairs
// within them.
func redrawn(rng *rand.Rand, all [][][2]float64) (lo, hi float64) {
	logs := make([][]float64, len(all))
	for i, s := range all {
		logs[i] = logRatios(s)
	}
	const draws = 100
	means := make([]float64, draws)
	for i := range means {
		for range logs {
			s := logs[rng.IntN(len(logs))]
			for range s {
				means[i] += s[rng.IntN(len(s))] / float64(len(s)*len(logs))
			}
		}
	}
	slices.Sort(means)
	return math.Exp(means[draws/40]), math.Exp(means[draws-1-draws/40])
}

// Looking after every pair costs little of the interval's coverage.
func TestUntilCovers(t *testing.T) {
	for _, of := range []noise{normal, heavy} {
		for _, target := range []float64{0.012, 0.018} { // 0.4 and 0.6 standard deviations
			rng := rand.New(rand.NewPCG(4, 5))
			runs, least, most := runsOf(100, 0.93, 0.97)
			u := Until{HalfWidth: target, Min: 3, Max: 100}
			in := 0
			for range runs {
				var ratios []float64
				for !u.Enough(ratios) {
					ratios = append(ratios, math.Exp(0.03*of(rng)))
				}
				var pairs [][2]float64
				for _, r := range ratios {
					pairs = append(pairs, [2]float64{r, 1})
				}
				if e := Compare(pairs); !e.Differs() {
					in++
				}
			}
			if got := float64(in) / float64(runs); got < least || got > most {
				t.Errorf("target %v: covers %.4f", target, got)
			}
		}
	}
}

func TestUntil(t *testing.T) {
	u := Until{HalfWidth: 0.02, Min: 10, Max: 12}
	alike := []float64{1, 1.001, 1, 0.999, 1, 1.001, 1, 0.999, 1, 1, 1, 1}
	for n, want := range map[int]bool{0: false, 9: false, 10: true, 11: true, 12: true} {
		if got := u.Enough(alike[:n]); got != want {
			t.Errorf("%d alike: %v, want %v", n, got, want)
		}
	}
	wide := []float64{1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2}
	for n, want := range map[int]bool{11: false, 12: true} {
		if got := u.Enough(wide[:n]); got != want {
			t.Errorf("%d that spread: %v, want %v", n, got, want)
		}
	}
	if (Until{HalfWidth: 1, Min: 2, Max: 100}).Enough(alike[:7]) {
		t.Error("seven suffice, of which the spread is hardly known")
	}
	if !(Until{HalfWidth: 0.02, Min: 2, Max: 5}).Enough(alike[:5]) {
		t.Error("the maximum does not suffice")
	}
}
