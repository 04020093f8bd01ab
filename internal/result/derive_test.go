package result

import (
	"math"
	"slices"
	"testing"
)

func TestPerMessageNormalisesEachInterval(t *testing.T) {
	counted, traced, wait := 0.25, 2.5, 7.5
	tr := &Trial{
		Seconds: 2, Messages: 1000, // 500 a second
		Server: &Process{CPUSeconds: 0.3, Seconds: 3, ThreadSeconds: 5, Voluntary: 450, Involuntary: 50, RunQueueWait: &wait,
			Helpers: []Helper{{Name: "iou-sqp", Threads: 1, CPUSeconds: 0.25}}},
		Client:  &Process{CPUSeconds: 0.6, SpinSeconds: 0.2, Seconds: 1},
		Machine: &Machine{Seconds: 2, BusySeconds: 1, StealSeconds: 0.2, OtherSeconds: 0.4},
	}
	files := &Trial{Seconds: 2, Bytes: 500, FileBytes: 100, Messages: 3, Server: tr.Server} // some ended in the window, of two a part came
	bare := &Trial{}
	for _, c := range []struct {
		name string
		got  float64
		want float64
	}{
		{"PerSecond", tr.PerSecond(), 500},
		{"ServerCPUPerMessage", tr.ServerCPUPerMessage(), 200_000},   // 0.1 s/s ÷ 500/s
		{"ClientCPUPerMessage", tr.ClientCPUPerMessage(), 800_000},   // (0.6-0.2) ÷ 500
		{"MachineCPUPerMessage", tr.MachineCPUPerMessage(), 600_000}, // (0.5-0.2) ÷ 500
		{"HelperCPUPerMessage", tr.HelperCPUPerMessage("iou-sqp"), 100_000},
		{"HelperCPUPerMessage of none", tr.HelperCPUPerMessage("iou-wrk"), 0},
		{"SwitchesPerMessage", tr.SwitchesPerMessage(), 0.2}, // 100/s ÷ 500/s
		{"RunQueueWaitShare", tr.RunQueueWaitShare(), 1.5},
		{"StealShare", tr.StealShare(2), 0.05},
		{"OtherShare", tr.OtherShare(2), 0.1},
		{"no syscalls", tr.SyscallsPerMessage(), math.NaN()},
		{"traced", (&Trial{TracedSyscalls: &traced}).SyscallsPerMessage(), 2.5},
		{"counted and traced", (&Trial{CountedSyscalls: &counted, TracedSyscalls: &traced}).SyscallsPerMessage(), 0.25},
		{"counted and other", (&Trial{CountedSyscalls: &counted, OtherSyscalls: &traced}).SyscallsPerMessage(), 2.75},
		{"PerSecond of files", files.PerSecond(), 2.5},
		{"ServerCPUPerMessage of files", files.ServerCPUPerMessage(), 40e6}, // 0.1 s/s ÷ 2.5/s
		{"bare PerSecond", bare.PerSecond(), math.NaN()},
		{"bare server", bare.ServerCPUPerMessage(), math.NaN()},
		{"bare client", bare.ClientCPUPerMessage(), math.NaN()},
		{"bare machine", bare.MachineCPUPerMessage(), math.NaN()},
		{"bare wait", bare.RunQueueWaitShare(), math.NaN()},
		{"bare steal", bare.StealShare(2), math.NaN()},
		{"no message", (&Trial{Seconds: 1, Server: &Process{CPUSeconds: 1, Seconds: 1}}).ServerCPUPerMessage(), math.NaN()},
		{"floor", (&Floor{Seconds: 2, Messages: 100, CPUSeconds: 1}).CPUPerMessage(), 1e7},
	} {
		if same := math.IsNaN(c.got) && math.IsNaN(c.want) || math.Abs(c.got-c.want) <= 1e-9*math.Abs(c.want); !same {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestPairs(t *testing.T) {
	s := &Set{
		Plan: Plan{Cells: []Cell{{Contestant: "uring"}, {Contestant: "uring"}}},
		Trials: []Trial{
			{Cell: 0, Pair: 1, First: true}, {Cell: 1, Pair: 1},
			{Cell: 1, Pair: 2, First: true}, {Cell: 0, Pair: 2}, // swapped
			{Cell: 0, Pair: 3}, {Cell: 1, Pair: 3, Void: "died"}, // half a pair is none
			{Cell: 0}, // solo
		},
	}
	pairs := s.Pairs()
	if len(pairs) != 2 {
		t.Fatalf("%d pairs, want 2", len(pairs))
	}
	for i, p := range pairs {
		if p.A.Cell != 0 || p.B.Cell != 1 || p.A.Pair != i+1 || p.B.Pair != i+1 {
			t.Errorf("pair %d is of cells %d and %d", i, p.A.Cell, p.B.Cell)
		}
	}
	if got := s.Plan.Name(0) + ", " + s.Plan.Name(1); got != "uring #1, uring #2" {
		t.Errorf("names %s", got)
	}
	if n := len(s.Valid(1)); n != 2 {
		t.Errorf("%d valid trials of cell 1, want 2", n)
	}
}

// Of three trials a disturbed one stays out; with two of three disturbed all
// count. Pairs go by the same rule, for every two cells apart.
func TestDisturbed(t *testing.T) {
	trial := func(cell, pair int, disturbed string) Trial {
		return Trial{Cell: cell, Pair: pair, Disturbed: disturbed}
	}
	s := &Set{
		Plan: Plan{Cells: make([]Cell, 4)},
		Trials: []Trial{
			trial(0, 1, ""), trial(1, 1, "steal"), // pairs of 0 and 1: one of three disturbed
			trial(0, 2, ""), trial(1, 2, ""),
			trial(1, 3, ""), trial(0, 3, ""),
			trial(2, 4, "others"), trial(3, 4, ""), // of 2 and 3: two of three
			trial(2, 5, "others"), trial(3, 5, "others"),
			trial(2, 6, ""), trial(3, 6, ""),
			{Cell: 1, Void: "died", Disturbed: "steal"}, // no trial at all
		},
	}
	for cell, want := range []struct {
		disturbed, valid int
		count            bool
	}{{0, 3, false}, {1, 2, false}, {2, 3, true}, {1, 2, false}} {
		n, of, count := s.Index().Disturbed(cell)
		if valid := len(s.Valid(cell)); n != want.disturbed || of != 3 || count != want.count || valid != want.valid {
			t.Errorf("cell %d: %d of %d disturbed, counted %v, %d valid; want %+v", cell, n, of, count, valid, want)
		}
	}
	var numbers []int
	for _, p := range s.Pairs() {
		numbers = append(numbers, p.A.Pair)
	}
	if want := []int{2, 3, 4, 5, 6}; !slices.Equal(numbers, want) {
		t.Errorf("pairs %v count, want %v", numbers, want)
	}
}

// PairsOf turns pairs as the match wants them, and groups them by session.
func TestPairsOf(t *testing.T) {
	s := &Set{
		Plan: Plan{Cells: make([]Cell, 3), Sessions: 2, Duet: true},
		Trials: []Trial{
			{Cell: 0, Pair: 1}, {Cell: 1, Pair: 1},
			{Cell: 0, Pair: 2}, {Cell: 2, Pair: 2}, // another match
			{Cell: 1, Pair: 3, Session: 1}, {Cell: 0, Pair: 3, Session: 1},
			{Cell: 0, Pair: 4, Session: 1}, {Cell: 1, Pair: 4, Session: 1},
		},
	}
	for _, m := range []Match{{A: 0, B: 1}, {A: 1, B: 0}} {
		sessions := s.PairsOf(m)
		if len(sessions) != 2 || len(sessions[0]) != 1 || len(sessions[1]) != 2 {
			t.Fatalf("%+v: %v", m, sessions)
		}
		for i, pairs := range sessions {
			for _, p := range pairs {
				if p.A.Cell != m.A || p.B.Cell != m.B || p.A.Session != i {
					t.Errorf("%+v: session %d has a pair of cells %d and %d of session %d", m, i, p.A.Cell, p.B.Cell, p.A.Session)
				}
			}
		}
	}
}

func TestKeep(t *testing.T) {
	p := &Plan{
		Cells:   []Cell{{Contestant: "a"}, {Contestant: "b"}, {Contestant: "c"}, {Contestant: "d"}},
		Matches: []Match{{A: 1, B: 0, Label: "ba"}, {A: 2, B: 0, Label: "ca"}, {A: 3, B: 2, Label: "dc"}},
	}
	p.Keep([]bool{true, false, true, true})
	if len(p.Cells) != 3 || len(p.Matches) != 2 {
		t.Fatalf("%+v", p)
	}
	for _, m := range p.Matches {
		if got := p.Cells[m.A].Contestant + p.Cells[m.B].Contestant; got != m.Label {
			t.Errorf("the match of %s is now of %s", m.Label, got)
		}
	}
}

func TestSupports(t *testing.T) {
	h := NewHistogram()
	if err := h.RecordValues(5, 10_000); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[float64]bool{50: true, 99: true, 99.9: true, 99.99: false} {
		if got := h.Supports(p); got != want {
			t.Errorf("10,000 values support p%v: %v, want %v", p, got, want)
		}
	}
	if (Histogram{}).Supports(50) {
		t.Error("no histogram supports p50")
	}
}

// A value that is too great is counted as the greatest: it must not vanish.
func TestRecordClips(t *testing.T) {
	h := NewHistogram()
	for v, fits := range map[int64]bool{1: true, 100e9: true, 100e9 + 1: false, 130e9: false, math.MaxInt64: false} {
		if got := h.Record(v); got != fits {
			t.Errorf("%d ns fits: %v, want %v", v, got, fits)
		}
	}
	if n, p50 := h.TotalCount(), h.ValueAtPercentile(50); n != 5 || math.Abs(float64(p50)/100e9-1) > 1e-3 {
		t.Errorf("%d values of 5, the median %d ns", n, p50)
	}
}

func TestMergeCountsWhatDoesNotFit(t *testing.T) {
	h := NewHistogram()
	if err := h.RecordValues(5, 3); err != nil {
		t.Fatal(err)
	}
	sum, dropped := Merge(h, Histogram{}, h)
	if sum.TotalCount() != 6 || dropped != 0 {
		t.Errorf("%d values, %d dropped", sum.TotalCount(), dropped)
	}
}
