package stat

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

// A gated is what runs find that end by Until, or by Plain and Settled.
type gated struct{ called, covered, pairs int }

// gate measures something that is worse by a share of log slow, and the same beside
// itself, until it is known.
func (g *gated) gate(rng *rand.Rand, of noise, slow float64, early bool) {
	const sd, threshold, most = 0.009, 0.01, 150
	u := Until{HalfWidth: 0.005, Max: most}
	var ratios, same []float64
	for n := 0; ; n++ {
		floor := Floor(CompareRatios(same))
		enough := u.Enough(ratios) && u.Enough(same)
		if early {
			enough = u.Plain(ratios, threshold, floor) || u.Settled(ratios, threshold, floor) && u.Enough(same)
		}
		if n >= most || n >= untilLeast && enough {
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

// To end when it is plain, and to look again at half the width, calls nothing that is
// the same a regression, and of what is on the threshold little in one run, hardly any
// in two; it misses little that is near, nothing that is far, and that by fewer pairs.
func TestPlainIsSound(t *testing.T) {
	for _, c := range []struct {
		slow        float64
		least, most float64 // that may be called
		covered     float64
		fewer       float64 // times as few pairs
	}{{0.01, 0, 0.08, 0.86, 0}, {0, 0, 0, 0.92, 0.7}, {0.0175, 0.95, 1, 0.92, 0.5}, {0.1, 1, 1, 0.92, 2}} {
		for _, of := range []noise{normal, heavy, bursts} {
			runs, long := 4, testenv.IsLong()
			if long {
				runs = 500
			}
			var fixed, early gated
			for i := range runs {
				fixed.gate(rand.New(rand.NewPCG(6, uint64(i))), of, math.Log1p(c.slow), false)
				early.gate(rand.New(rand.NewPCG(6, uint64(i))), of, math.Log1p(c.slow), true)
			}
			if got := float64(early.called) / float64(runs); long && got < c.least || early.called < fixed.called && c.slow > 0.01 || got > c.most {
				t.Errorf("slower by %v: %d of %d called, without %d", c.slow, early.called, runs, fixed.called)
			}
			if float64(early.pairs)*c.fewer > float64(fixed.pairs) {
				t.Errorf("slower by %v: %d pairs, without %d", c.slow, early.pairs, fixed.pairs)
			}
			if long && float64(early.covered) < c.covered*float64(runs) {
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
