package stat

import (
	"encoding/json"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

var update = flag.Bool("update", false, "run Otava and record what it finds")

// A shifted is a series of which it is known where its level changes.
type shifted struct {
	values []float64
	at     []int
}

// simulated are series as a history has them: 20 to 160 values, of which the level
// changes up to four times, by 1 to 20 %, in noise of 1 to 4 %.
func simulated() (all []shifted) {
	noises := []noise{normal, bursts, heavy, skewed}
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 7))
		n := 20 + rng.IntN(141)
		s := shifted{values: make([]float64, n)}
		for i := 6 + rng.IntN(30); i < n-5 && len(s.at) < 4; i += 6 + rng.IntN(60) {
			s.at = append(s.at, i)
		}
		level, sd, kept := 1000.0, 0.01+0.03*rng.Float64(), 0.0
		if seed%8 == 7 {
			kept = 0.3
		}
		before := 0.0
		for i := range s.values {
			if slices.Contains(s.at, i) {
				by := 0.01 * math.Pow(20, rng.Float64())
				if rng.IntN(2) == 0 {
					by = 1/(1+by) - 1
				}
				level *= 1 + by
			}
			before = kept*before + noises[seed%4](rng)
			s.values[i] = math.Round(level*(1+sd*before)*100) / 100
		}
		all = append(all, s)
	}
	return all
}

// score is the share of changes that are found within two values, and the share of
// what is found that is one.
func score(all []shifted, found [][]int) (recall, precision float64) {
	var changes, reports, hits int
	for i, s := range all {
		changes, reports = changes+len(s.at), reports+len(found[i])
		left := slices.Clone(found[i])
		for _, at := range s.at {
			if j := slices.IndexFunc(left, func(f int) bool { return max(f-at, at-f) <= 2 }); j >= 0 {
				left = slices.Delete(left, j, j+1)
				hits++
			}
		}
	}
	return float64(hits) / float64(changes), float64(hits) / float64(reports)
}

// Of changes that are known as many are found as by Apache Otava (of commit
// 1ceb153), and as few others. What that finds is recorded by
//
//	PYTHONPATH=OTAVA go test ./internal/stat -run TestOtava -update
//
// where OTAVA is a checkout of it, and python3 has numpy and scipy.
func TestOtava(t *testing.T) {
	all := simulated()
	const file = "testdata/otava.json"
	if *update {
		testenv.Need(t, "python3", testenv.Program("python3"))
		if err := os.WriteFile(file, runOtava(t, all), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var theirs, ours [][]int
	if err := json.Unmarshal(b, &theirs); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		ours = append(ours, indices(Changes{}.Find(s.values)))
	}
	recall, precision := score(all, ours)
	theirRecall, theirPrecision := score(all, theirs)
	if testing.Verbose() {
		t.Logf("recall %.3f, Otava's %.3f; precision %.3f, Otava's %.3f", recall, theirRecall, precision, theirPrecision)
	}
	if recall < theirRecall || precision < theirPrecision {
		t.Errorf("recall %.3f, Otava's %.3f; precision %.3f, Otava's %.3f", recall, theirRecall, precision, theirPrecision)
	}
}

func runOtava(t *testing.T, all []shifted) []byte {
	t.Helper()
	var values [][]float64
	for _, s := range all {
		values = append(values, s.values)
	}
	in, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-c", `
import json, sys
from otava.analysis import compute_change_points
print("[" + ",\n".join(json.dumps([int(c.index) for c in compute_change_points(s)[0]]) for s in json.load(sys.stdin)) + "]")`)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = stdin.Write(in)
		_ = stdin.Close()
	}()
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("%s", exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func indices(found []Change) []int {
	at := []int{}
	for _, c := range found {
		at = append(at, c.Index)
	}
	return at
}
