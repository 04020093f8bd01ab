package stat

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

// asOtava finds as Apache Otava does, which takes no least length and divides
// variances by n.
func asOtava(window int, p, magnitude float64) Changes {
	return Changes{Window: window, Least: 1, P: p, Magnitude: magnitude, spread: func(x []float64) float64 {
		_, sd := moments(x)
		n := float64(len(x))
		return sd * sd * (n - 1) / n
	}}
}

// The series and what is to be found in them are those of Otava's tests at commit
// 1ceb153: analysis_test.py, change_point_divisive_test.py, series_test.py and
// tigerbeetle_test.py. Of tiger at 0.1, 0.01 and 0.001 Otava has another list, for its
// merge, when it takes a change back, does not look again at the one before that, but
// at two after it; the list here is what it prints with those two lines put right.
func TestChangesAsPublished(t *testing.T) {
	b, err := os.ReadFile("testdata/tigerbeetle.json")
	if err != nil {
		t.Fatal(err)
	}
	var tiger []float64
	if err := json.Unmarshal(b, &tiger); err != nil {
		t.Fatal(err)
	}
	single := []float64{1.02, 0.95, 0.99, 1.00, 1.12, 1.00, 1.01, 0.98, 1.01, 0.96, 0.50, 0.51, 0.48, 0.48, 0.55, 0.50, 0.49, 0.51, 0.50, 0.49}
	sequence := []float64{0.3, 2.4, 1.5, -0.9, -0.5, 99.7, 98.3, 99.1, 149.0, 149.7, 149.5, 149.1, 148.8, 150.0}
	series1 := []float64{1.02, 0.95, 0.99, 1.00, 1.12, 0.90, 0.50, 0.51, 0.48, 0.48, 0.55}
	series2 := []float64{2.02, 2.03, 2.01, 2.04, 1.82, 1.85, 1.79, 1.81, 1.80, 1.76, 1.78}
	zeros := []float64{0, 0, 0, 1.00, 1.12, 0.90, 0.50, 0.51, 0.48, 0.48, 0.55}
	for _, c := range []struct {
		name   string
		series []float64
		of     Changes
		want   []int
	}{
		{"single", single, asOtava(10, 0.0001, 0), []int{10}},
		{"sequence", sequence, asOtava(50, 0.001, 0), []int{5, 8}},
		{"series 1", series1, asOtava(50, 0.001, 0), []int{6}},
		{"series 2", series2, asOtava(50, 0.001, 0), []int{4}},
		{"series 1, 20 %", series1, asOtava(50, 0.001, 0.2), []int{6}},
		{"series 2, 20 %", series2, asOtava(50, 0.001, 0.2), []int{}},
		{"zeros", zeros, asOtava(50, 0.001, 0), []int{3, 6}},
		{"tiger", tiger, asOtava(30, 0.01, 0.05), []int{15, 71}},
		{"tiger", tiger, asOtava(30, 0.05, 0.05), []int{15, 71}},
		{"tiger", tiger, asOtava(30, 0.1, 0.05), []int{10, 11, 15, 71}},
		{"tiger", tiger, asOtava(30, 0.2, 0.05), []int{10, 11, 15, 71}},
		{"tiger", tiger, asOtava(30, 0.01, 0), []int{15, 61, 71, 95, 117, 131, 142, 148, 165, 169, 192, 212, 260}},
		{"tiger", tiger, asOtava(30, 0.001, 0), []int{15, 61, 71, 95, 117, 131, 142, 148, 192, 212}},
		{"tiger", tiger, asOtava(30, 0.0001, 0), []int{71, 95, 117, 131, 142, 148, 192, 212}},
		{"tiger", tiger, asOtava(30, 0.00001, 0), []int{71, 95, 131, 192, 212}},
	} {
		if got := indices(c.of.Find(c.series)); !slices.Equal(got, c.want) {
			t.Errorf("%s, p %v, magnitude %v: %v, want %v", c.name, c.of.P, c.of.Magnitude, got, c.want)
		}
	}
}

func TestChanges(t *testing.T) {
	flat := func(n int, level float64) (x []float64) {
		for i := range n {
			x = append(x, level*(1+0.01*float64(i%3-1)))
		}
		return x
	}
	for _, c := range []struct {
		name   string
		series []float64
		of     Changes
		want   []int
	}{
		{"nothing", nil, Changes{}, []int{}},
		{"one", []float64{1}, Changes{}, []int{}},
		{"constant", make([]float64, 40), Changes{}, []int{}},
		{"flat", flat(60, 100), Changes{}, []int{}},
		{"a value that is far off", slices.Concat(flat(9, 100), []float64{300}, flat(9, 100)), Changes{}, []int{}},
		{"a counter", slices.Concat(slices.Repeat([]float64{2}, 6), slices.Repeat([]float64{3}, 4)), Changes{}, []int{6}},
		{"a step", slices.Concat(flat(9, 100), flat(9, 110)), Changes{}, []int{9}},
		{"a step that is too small", slices.Concat(flat(9, 100), flat(9, 110)), Changes{Magnitude: 0.11}, []int{}},
		{"a step that is too late", slices.Concat(flat(9, 100), flat(2, 130)), Changes{}, []int{}},
		{"just in time", slices.Concat(flat(9, 100), flat(3, 130)), Changes{}, []int{9}},
		{"undone", slices.Concat(flat(60, 100), flat(12, 110), flat(60, 100)), Changes{}, []int{60, 72}},
	} {
		if got := indices(c.of.Find(c.series)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	// By hand: logarithms 0, 0, 0 and a, a, 4a with a = ln 1.1 have means that differ by
	// 2a; the pooled variance is 6a²/4, half the interval 2.776 · √(1.5a² · 2/3) = 2.776a.
	a := 1.1
	found := Changes{P: 0.5, Least: 3}.Find([]float64{1, 1, 1, a, a, a * a * a * a})
	if len(found) != 1 {
		t.Fatalf("%+v", found)
	}
	e := found[0].Effect
	if math.Abs(e.Center-a*a) > 1e-9 || math.Abs(e.Lo-math.Pow(a, 2-2.7764451)) > 1e-6 || math.Abs(e.Hi-math.Pow(a, 2+2.7764451)) > 1e-6 {
		t.Errorf("%+v", e)
	}
}

// Noise alone has a change in at most one of twenty series of 60.
func TestChangesInNoise(t *testing.T) {
	for _, of := range []noise{normal, bursts, heavy, skewed} {
		rng := rand.New(rand.NewPCG(5, 6))
		wrong, runs := 0, 100
		if testenv.IsLong() {
			runs = 10000
		}
		for range runs {
			series := make([]float64, 60)
			for i := range series {
				series[i] = 100 + of(rng)
			}
			if len(Changes{}.Find(series)) > 0 {
				wrong++
			}
		}
		if wrong > runs/20 {
			t.Errorf("%d of %d series of noise have a change", wrong, runs)
		}
		t.Logf("%d of %d", wrong, runs)
	}
}
