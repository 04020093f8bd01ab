package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Quantiles of Student's distribution as printed in any table of it.
func TestStudent(t *testing.T) {
	for freedom, want := range map[float64]float64{1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262, 30: 2.042, 1000: 1.962} {
		if got := student(freedom); math.Abs(got-want) > 0.0006 {
			t.Errorf("%v degrees of freedom: %.4f, want %.3f", freedom, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	nan := math.NaN()
	// By hand: ratios 1.1, 1.1·1.1 and 1.1³ have logarithms a, 2a and 3a with
	// a = ln 1.1: mean 2a, standard deviation a, half the interval 4.3027 a/√3.
	a := math.Log(1.1)
	three := [][2]float64{{1.1, 1}, {2.42, 2}, {1.331, 1}}
	half := 4.30265273 * a / math.Sqrt(3)
	// Sessions of means 2a and 4a: mean 3a, half 12.7062 · (2a/√2)/√2 = 12.7062 a.
	twice := [][2]float64{{1.4641, 1}}
	for _, c := range []struct {
		name     string
		sessions [][][2]float64
		want     Effect
	}{
		{"nothing", nil, Effect{nan, nan, nan, 0, 0}},
		{"one pair", [][][2]float64{{{3, 2}}}, Effect{1.5, nan, nan, 1, 1}},
		{"one session", [][][2]float64{three}, Effect{1.21, math.Exp(2*a - half), math.Exp(2*a + half), 3, 1}},
		{"unusable", [][][2]float64{{{1, 0}, {nan, 1}}, three, {{-1, 1}}}, Effect{1.21, math.Exp(2*a - half), math.Exp(2*a + half), 3, 1}},
		{"two sessions", [][][2]float64{three, twice}, Effect{1.331, math.Exp(3*a - 12.7062047*a), math.Exp(3*a + 12.7062047*a), 4, 2}},
	} {
		got := Compare(c.sessions...)
		close := func(x, y float64) bool {
			return math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) < 1e-6*math.Abs(y)
		}
		if !close(got.Center, c.want.Center) || !close(got.Lo, c.want.Lo) || !close(got.Hi, c.want.Hi) || got.Pairs != c.want.Pairs || got.Sessions != c.want.Sessions {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// simulate draws sessions of pairs whose true ratio is effect, as duets spread:
// between is the standard deviation of what a session's pairs share.
func simulate(rng *rand.Rand, sessions, pairs int, effect, within, between float64) (all [][][2]float64) {
	for range sessions {
		shared := rng.NormFloat64() * between
		var s [][2]float64
		for range pairs {
			base := 8000 * math.Exp(rng.NormFloat64()*0.2) // what the machine does to both
			s = append(s, [2]float64{base * effect * math.Exp(shared+rng.NormFloat64()*within), base})
		}
		all = append(all, s)
	}
	return all
}

// differing is the share of simulated runs in which a difference is found.
func differing(sessions, pairs int, effect, within, between float64) float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	const runs = 2500
	found := 0
	for range runs {
		if Compare(simulate(rng, sessions, pairs, effect, within, between)...).Differs() {
			found++
		}
	}
	return float64(found) / runs
}

// Of things that are the same one in twenty is found to differ, whatever the
// number of pairs, and so also where sessions differ, if there are several.
// The bounds are nearly five standard errors of a share of 2,500.
func TestSameDiffersInOneOfTwenty(t *testing.T) {
	for _, c := range []struct {
		sessions, pairs int
		between         float64
	}{{1, 3, 0}, {1, 8, 0}, {1, 30, 0}, {3, 8, 0}, {3, 8, 0.04}, {5, 6, 0.04}} {
		if got := differing(c.sessions, c.pairs, 1, 0.03, c.between); math.Abs(got-0.05) > 0.02 {
			t.Errorf("%d sessions of %d pairs, which differ by %v: %.3f of A/A runs show a difference, want 0.05", c.sessions, c.pairs, c.between, got)
		}
	}
}

// What sessions differ by is not in the interval of one session.
func TestOneSessionMisleads(t *testing.T) {
	if got := differing(1, 20, 1, 0.03, 0.04); got < 0.5 {
		t.Errorf("%.3f of single sessions show a difference that is the session's; the other tests rest on there being many", got)
	}
}

// An effect of 5 % is found by the default number of pairs.
func TestEffectIsFound(t *testing.T) {
	for _, effect := range []float64{0.95, 1.05} {
		if got := differing(1, 8, effect, 0.03, 0); got < 0.9 {
			t.Errorf("an effect of %v is found in %.3f of runs only", effect, got)
		}
	}
}
