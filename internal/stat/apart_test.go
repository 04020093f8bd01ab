package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// six are logarithms to be compared with ten.
var six = []float64{0.101, 0.142, 0.035, 0.203, 0.067, 0.118}

func exps(logs ...float64) (values []float64) {
	for _, x := range logs {
		values = append(values, math.Exp(x))
	}
	return values
}

// R 4.2.2: t.test(a, b) of the logarithms, or of the means of sessions.
func TestApart(t *testing.T) {
	for _, c := range []struct {
		name              string
		a, b              [][]float64
		at, lo, hi, p, df float64
		pairs, sessions   int
	}{
		{"trials", [][]float64{exps(six...)}, [][]float64{exps(ten...)}, 0.0854, 0.02380686834684273, 0.14699313165315728, 0.01446757927159712, 6.126506863260666, 6, 1},
		{"one of several sessions", [][]float64{exps(six[:2]...), exps(six[2:]...)}, [][]float64{exps(ten...)}, 0.0854, 0.02380686834684273, 0.14699313165315728, 0.01446757927159712, 6.126506863260666, 6, 1},
		{"sessions", [][]float64{exps(0.08, 0.12), exps(0.14), exps(0.05, 0.13, 0.09)}, [][]float64{exps(0.02), {-1}, exps(0.03, 0.07)}, 0.075, 0.002352004620569812, 0.147647995379430186, 0.04646635669160794, 2.698483496877788, 3, 2},
	} {
		e := Apart(c.a, c.b)
		if !within(math.Log(e.Center), c.at, 1e-9) || !within(math.Log(e.Lo), c.lo, 1e-6) || !within(math.Log(e.Hi), c.hi, 1e-6) ||
			!within(e.P(), c.p, 1e-6) || !within(e.free(), c.df, 1e-9) || e.Pairs != c.pairs || e.Sessions != c.sessions {
			t.Errorf("%s: %+v, p %v with %v degrees of freedom", c.name, e, e.P(), e.free())
		}
	}
	one := Apart([][]float64{{2}}, [][]float64{{1, 1}})
	if one.Center != 2 || one.Known() {
		t.Errorf("of one trial: %+v, want a ratio without an interval", one)
	}
	if none := Apart(nil, [][]float64{{1}}); !math.IsNaN(none.Center) || none.Known() {
		t.Errorf("of nothing: %+v", none)
	}
	if same := Apart([][]float64{{3, 3}}, [][]float64{{3, 3, 3}}); same.P() != 1 || same.Lo != 1 || same.Hi != 1 {
		t.Errorf("of what does not vary: %+v, p %v", same, same.P())
	}
}

// The interval covers, of trials and of sessions, also where the two spread
// differently; and what is Detectable is found.
func TestApartCovers(t *testing.T) {
	for _, c := range []struct {
		name                    string
		of                      noise
		na, nb, sessions        int
		sdA, sdB, between, less float64
	}{
		{"alike", normal, 6, 6, 1, 0.03, 0.03, 0, 0.93},
		{"unlike", normal, 5, 12, 1, 0.06, 0.01, 0, 0.93},
		{"heavy", heavy, 10, 10, 1, 0.03, 0.03, 0, 0.93},
		{"skewed", skewed, 8, 8, 1, 0.03, 0.03, 0, 0.93},
		{"skewed, unlike", skewed, 8, 8, 1, 0.05, 0.02, 0, 0.91},
		{"sessions", normal, 5, 5, 3, 0.03, 0.03, 0.05, 0.93},
	} {
		rng := rand.New(rand.NewPCG(6, 7))
		runs, least, most := runsOf(300, c.less, 0.98)
		in := 0
		side := func(n int, sd, at float64) (all [][]float64) {
			for range c.sessions {
				shared := at + c.between*rng.NormFloat64()
				var s []float64
				for range n {
					s = append(s, math.Exp(shared+sd*c.of(rng)))
				}
				all = append(all, s)
			}
			return all
		}
		for range runs {
			if e := Apart(side(c.na, c.sdA, math.Log(1.1)), side(c.nb, c.sdB, 0)); e.Lo <= 1.1 && 1.1 <= e.Hi {
				in++
			}
		}
		if got := float64(in) / float64(runs); got < least || got > most {
			t.Errorf("%s: covers %.4f", c.name, got)
		} else if testing.Verbose() {
			t.Logf("%s: covers %.4f", c.name, got)
		}
	}
}

// A sample against another of the same spread can detect what a paired one of their
// differences' spread can, but for the degrees of freedom that it has more.
func TestApartDetects(t *testing.T) {
	e := Apart([][]float64{exps(ten...)}, [][]float64{exps(ten...)})
	_, sd := moments(ten)
	if got, want := e.Detectable(0, 0), detectable(sd*math.Sqrt(2.0/10), 18, 0); !within(got, want, 1e-9) {
		t.Errorf("detectable %v, want %v", got, want)
	}
	more, ok := e.More(0.001, 0)
	if !ok || more == 0 {
		t.Fatalf("%d more, %v", more, ok)
	}
	half := student(e.free()*float64(10+more)/10) * e.standard() * math.Sqrt(10/float64(10+more))
	if half > math.Log1p(0.001) {
		t.Errorf("with %d more the interval reaches %v, beyond the threshold", more, half)
	}
}
