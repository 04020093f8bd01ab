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
		{"nothing", nil, Effect{nan, nan, nan, 0, 0, 0}},
		{"one pair", [][][2]float64{{{3, 2}}}, Effect{1.5, nan, nan, 1, 1, 0}},
		{"one session", [][][2]float64{three}, Effect{1.21, math.Exp(2*a - half), math.Exp(2*a + half), 3, 1, 0}},
		{"unusable", [][][2]float64{{{1, 0}, {nan, 1}}, three, {{-1, 1}}}, Effect{1.21, math.Exp(2*a - half), math.Exp(2*a + half), 3, 1, 0}},
		{"two sessions", [][][2]float64{three, twice}, Effect{1.331, math.Exp(3*a - 12.7062047*a), math.Exp(3*a + 12.7062047*a), 4, 2, 0}},
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

// A noise draws by how much a pair is off, in units of its usual spread.
type noise func(*rand.Rand) float64

// normal is the noise of a machine that is left alone.
func normal(rng *rand.Rand) float64 { return rng.NormFloat64() }

// bursts is normal but for one pair in ten that is five times as far off.
func bursts(rng *rand.Rand) float64 {
	if rng.Float64() < 0.1 {
		return 5 * rng.NormFloat64()
	}
	return rng.NormFloat64()
}

// heavy has the tails of Student's distribution with three degrees of freedom,
// whose fourth moment is infinite.
func heavy(rng *rand.Rand) float64 {
	var squares float64
	for range 3 {
		x := rng.NormFloat64()
		squares += x * x
	}
	return rng.NormFloat64() / math.Sqrt(squares/3)
}

// simulate draws sessions of pairs whose true ratio is effect, as duets spread:
// between is the standard deviation of what a session's pairs share.
func simulate(rng *rand.Rand, of noise, sessions, pairs int, effect, within, between float64) (all [][][2]float64) {
	for range sessions {
		shared := rng.NormFloat64() * between
		var s [][2]float64
		for range pairs {
			base := 8000 * math.Exp(rng.NormFloat64()*0.2) // what the machine does to both
			s = append(s, [2]float64{base * effect * math.Exp(shared+of(rng)*within), base})
		}
		all = append(all, s)
	}
	return all
}

// differing is the share of simulated runs in which a difference is found.
func differing(of noise, sessions, pairs int, effect, within, between float64) float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	const runs = 4000
	found := 0
	for range runs {
		if Compare(simulate(rng, of, sessions, pairs, effect, within, between)...).Differs() {
			found++
		}
	}
	return float64(found) / runs
}

// Of things that are the same one in twenty is found to differ, whatever the
// number of pairs, also where sessions differ, if there are several, and where
// some pairs are far off: their ratio is as likely to be too large as too small,
// since each of the two may be the one that is disturbed. The standard error of
// a share of 4,000 is 0.0034.
func TestSameDiffersInOneOfTwenty(t *testing.T) {
	for _, c := range []struct {
		name            string
		of              noise
		sessions, pairs int
		between         float64
	}{
		{"normal", normal, 1, 3, 0}, {"normal", normal, 1, 5, 0}, {"normal", normal, 1, 8, 0}, {"normal", normal, 1, 20, 0},
		{"bursts", bursts, 1, 5, 0}, {"bursts", bursts, 1, 8, 0}, {"bursts", bursts, 1, 20, 0},
		{"heavy", heavy, 1, 5, 0}, {"heavy", heavy, 1, 8, 0}, {"heavy", heavy, 1, 20, 0},
		{"normal", normal, 3, 8, 0}, {"normal", normal, 3, 8, 0.04}, {"heavy", heavy, 5, 6, 0.04},
	} {
		got := differing(c.of, c.sessions, c.pairs, 1, 0.03, c.between)
		if math.Abs(got-0.05) > 0.02 {
			t.Errorf("%s, %d sessions of %d pairs, which differ by %v: %.3f of A/A runs show a difference, want 0.05", c.name, c.sessions, c.pairs, c.between, got)
		}
	}
}

// What sessions differ by is not in the interval of one session.
func TestOneSessionMisleads(t *testing.T) {
	if got := differing(normal, 1, 20, 1, 0.03, 0.04); got < 0.5 {
		t.Errorf("%.3f of single sessions show a difference that is the session's; the other tests rest on there being many", got)
	}
}

// An effect of 5 % is found by the default number of pairs.
func TestEffectIsFound(t *testing.T) {
	for _, effect := range []float64{0.95, 1.05} {
		if got := differing(normal, 1, 8, effect, 0.03, 0); got < 0.9 {
			t.Errorf("an effect of %v is found in %.3f of runs only", effect, got)
		}
	}
}
