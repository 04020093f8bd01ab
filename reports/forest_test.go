package reports

import (
	"math"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/page/pagetest"
)

// The pictures of effects are whole, whatever was or was not measured, and the
// page has them in place of absolute figures.
func TestForest(t *testing.T) {
	void := newAblation()
	for i := range void.Trials {
		void.Trials[i].Void = "server died"
	}
	one := newAblation() // a pair each: no interval
	var kept []result.Trial
	for _, tr := range one.Trials {
		if tr.Block == 0 {
			kept = append(kept, tr)
		}
	}
	one.Trials = kept
	for name, s := range map[string]*result.Set{"ablation": newAblation(), "calibration": newCalibration(), "void": void, "one pair": one} {
		if out := pagetest.Legible(pageOf(t, s)); strings.Contains(out, "NaN") || strings.Contains(out, "ns/msg") || strings.Count(out, "<figure") != 2 {
			t.Errorf("%s: the page has %d pictures, absolute figures: %v", name, strings.Count(out, "<figure"), strings.Contains(out, "ns/msg"))
		}
	}
}

func ratioOf(center, lo, hi float64) stat.Effect {
	return stat.Effect{Center: center, Lo: lo, Hi: hi}
}

// The axis holds every estimate and the line at 1, and an interval of any width
// does not stretch it beyond a factor of two.
func TestForestAxis(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name     string
		effects  []stat.Effect
		from, to float64 // within which the ends lie
	}{
		{"nothing", []stat.Effect{ratioOf(nan, nan, nan)}, 0.9, 1.1},
		{"small", []stat.Effect{ratioOf(1.05, 1.04, 1.06)}, 0.9, 1.1},
		{"wide", []stat.Effect{ratioOf(1, 0.001, 1000)}, 0.4, 2.2},
		{"far", []stat.Effect{ratioOf(5, 4, 6)}, 0.5, 6},
	} {
		least, greatest := forestEnds(c.effects)
		if least >= 1 || greatest <= 1 || least < c.from || greatest > c.to {
			t.Errorf("%s: the axis goes from %v to %v", c.name, least, greatest)
		}
		for _, e := range c.effects {
			if e.Center < least || e.Center > greatest {
				t.Errorf("%s: %v lies outside the axis from %v to %v", c.name, e.Center, least, greatest)
			}
		}
	}
}

// Grey is what was not told from noise, so that of one pair too.
func TestForestOfOnePair(t *testing.T) {
	s := newDuet(1.2)
	for _, c := range forestCharts(s, views(s), effects(s)) {
		for _, pt := range c.Panels[0].Series[0].Points {
			if !pt.Faint {
				t.Errorf("%s is drawn as a difference", pt.Text)
			}
		}
	}
}
