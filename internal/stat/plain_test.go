package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A gated is what a run finds that ends by Until, or by Plain too.
type gated struct{ called, covered, pairs int }

// gate measures something that is worse by a share of log slow, and the same beside
// itself, until it is known.
func (g *gated) gate(rng *rand.Rand, of noise, slow float64, early bool) {
	const sd, threshold, most = 0.018, 0.01, 150
	u := Until{HalfWidth: 0.005, Max: most}
	var ratios, same []float64
	for n := 0; ; n++ {
		if n >= most || n >= untilLeast && (u.Enough(ratios) && u.Enough(same) || early && u.Plain(ratios, threshold, Floor(CompareRatios(same)))) {
			break
		}
		ratios = append(ratios, math.Exp(slow+sd*of(rng)))
		same = append(same, math.Exp(sd*of(rng)))
	}
	e := CompareRatios(ratios)
	if e.Beyond(threshold, Floor(CompareRatios(same))) == Greater {
		g.called++
	}
	if math.Log(e.Lo) <= slow && slow <= math.Log(e.Hi) {
		g.covered++
	}
	g.pairs += len(ratios)
}

// To end when it is plain calls no more regressions than not to, neither of what is the
// same nor of what is on the threshold, misses none that is far, and takes far fewer
// pairs for those.
func TestPlainIsSound(t *testing.T) {
	for _, c := range []struct {
		slow  float64
		fewer int // times as few pairs
	}{{0.01, 1}, {0, 1}, {0.1, 4}} {
		for _, of := range []noise{normal, heavy, bursts} {
			runs, _, _ := runsOf(8, 0, 0)
			var fixed, early gated
			for i := range runs {
				fixed.gate(rand.New(rand.NewPCG(6, uint64(i))), of, math.Log1p(c.slow), false)
				early.gate(rand.New(rand.NewPCG(6, uint64(i))), of, math.Log1p(c.slow), true)
			}
			if over := early.called - fixed.called; c.slow < 0.1 && float64(over) > 0.001*float64(runs) || c.slow == 0.1 && early.called < runs {
				t.Errorf("slower by %v: %d of %d called, without %d", c.slow, early.called, runs, fixed.called)
			}
			if early.pairs*c.fewer > fixed.pairs {
				t.Errorf("slower by %v: %d pairs, without %d", c.slow, early.pairs, fixed.pairs)
			}
			if _, least, _ := runsOf(8, 0.93, 1); float64(early.covered) < least*float64(runs) {
				t.Errorf("slower by %v: %d of %d intervals cover", c.slow, early.covered, runs)
			}
			if testing.Verbose() {
				t.Logf("slower by %v: of %d called %d, without %d; covered %d, %d; pairs %d, %d", c.slow, runs, early.called, fixed.called, early.covered, fixed.covered, early.pairs, fixed.pairs)
			}
		}
	}
}

// Far above or far below the threshold is plain, near it is not, nor is what the floor
// hides, nor are seven pairs.
func TestPlain(t *testing.T) {
	u := Until{HalfWidth: 0.001, Max: 100}
	for _, c := range []struct {
		name  string
		ratio float64
		n     int
		floor float64
		want  bool
	}{
		{"far above", 1.1, 8, 0.02, true},
		{"seven", 1.1, 7, 0.02, false},
		{"near", 1.02, 8, 0, false},
		{"within the floor", 1.1, 8, 0.09, false},
		{"far below", 0.9, 8, 0.005, true},
		{"far below where the noise is above the threshold", 0.9, 8, 0.02, false},
		{"no noise known", 1.1, 8, math.NaN(), false},
	} {
		var ratios []float64
		for i := range c.n {
			ratios = append(ratios, c.ratio*(1+0.01*float64(i%2)))
		}
		if got := u.Plain(ratios, 0.01, c.floor); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
