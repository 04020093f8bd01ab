package history

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// entries have these values of cpu, in an environment each of which the letter names.
func entries(environments string, values ...float64) (all []*Entry) {
	for i, v := range values {
		all = append(all, entry(i, string(rune('a'+i)), v*(1+0.002*float64(i%3)), map[string]string{"kernel": environments[i%len(environments) : i%len(environments)+1]}))
	}
	return all
}

func repeat(n int, v float64) []float64 { return slices.Repeat([]float64{v}, n) }

func TestTrends(t *testing.T) {
	step := slices.Concat(repeat(8, 100), repeat(8, 110))
	for _, c := range []struct {
		name          string
		entries       []*Entry
		changes, cuts []int
	}{
		{"level", entries("a", repeat(16, 100)...), nil, nil},
		{"step", entries("a", step...), []int{8}, nil},
		{"the step is the environment's", entries("aaaaaaaabbbbbbbb", step...), nil, []int{8}},
		{"runners in turn", entries("ab", slices.Concat(repeat(12, 100), repeat(12, 110))...), []int{12, 13}, []int{1}},
		{"runners in turn that differ", entries("ab", slices.Repeat([]float64{100, 150}, 10)...), nil, []int{1}},
	} {
		trends := Trends(c.entries, Filter{Metric: "cpu"}, stat.Changes{})
		if len(trends) != 1 {
			t.Fatalf("%s: %d trends", c.name, len(trends))
		}
		var changes, cuts []int
		for _, x := range trends[0].Changes {
			changes = append(changes, x.Index)
			if !x.Worse || trends[0].Points[x.Last].Entry.Environment() != trends[0].Points[x.Index].Entry.Environment() {
				t.Errorf("%s: %+v", c.name, x)
			}
		}
		for _, x := range trends[0].Cuts {
			cuts = append(cuts, x.Index)
			if want := []string{"kernel: a, then b"}; !slices.Equal(x.Differences, want) {
				t.Errorf("%s: %q", c.name, x.Differences)
			}
		}
		if !slices.Equal(changes, c.changes) || !slices.Equal(cuts, c.cuts) {
			t.Errorf("%s: changes %v, cuts %v; want %v, %v", c.name, changes, cuts, c.changes, c.cuts)
		}
	}
	faster := Trends(entries("a", slices.Concat(repeat(8, 110), repeat(8, 100))...), Filter{}, stat.Changes{})
	if len(faster) != 2 || faster[0].Changes[0].Worse || faster[1].Metric != "throughput" || faster[1].Changes[0].Worse {
		t.Errorf("less CPU and more throughput is worse: %+v", faster)
	}
	for _, none := range []Filter{{Metric: "p*"}, {Contestant: "epoll"}, {Load: "x"}} {
		if got := Trends(entries("a", step...), none, stat.Changes{}); len(got) != 0 {
			t.Errorf("%+v takes %d", none, len(got))
		}
	}
}

func TestPrune(t *testing.T) {
	all := entries("a", slices.Concat(repeat(8, 100), repeat(8, 110))...)
	for _, c := range []struct {
		name string
		p    Prune
		want int
		kept int // for their levels
	}{
		{"all but two", Prune{Keep: 2, Levels: true}, 14, 0},
		{"since the change", Prune{Keep: 2}, 8, 6},
		{"more than there are", Prune{Keep: 20}, 0, 0},
		{"earlier", Prune{Before: all[5].Time}, 5, 0},
		{"both", Prune{Before: all[5].Time, Keep: 13}, 3, 0},
		{"later than all", Prune{Before: all[15].Time.Add(time.Hour)}, 8, 8},
	} {
		going, kept := c.p.Choose(all)
		if len(going) != c.want || kept != c.kept || len(going) > 0 && going[0] != all[0] {
			t.Errorf("%s: %d go, want %d; %d stay for levels, want %d", c.name, len(going), c.want, kept, c.kept)
		}
	}
	s := At(t.TempDir())
	add(t, s, all...)
	if n, err := s.Remove(all[:3]); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	left, _, err := s.Entries(Filter{})
	if err != nil || len(left) != 13 || left[0].Commit != "d" {
		t.Errorf("%d entries are left, %v", len(left), err)
	}
	left, _, _ = s.Entries(Filter{Commit: "e", Labels: map[string]string{"branch": "main"}, Since: all[1].Time, Until: all[9].Time})
	if len(left) != 1 || left[0].Commit != "e" {
		t.Errorf("%d entries of commit e", len(left))
	}
	left, _, _ = s.Entries(Filter{Labels: map[string]string{"branch": "other"}})
	if len(left) != 0 {
		t.Errorf("%d entries of another branch", len(left))
	}
}

func TestImport(t *testing.T) {
	const text = `goos: linux
goarch: amd64
pkg: example.org/x
cpu: EPYC
commit: c1
commit-time: 2026-11-01T12:00:00Z
BenchmarkA/size=64-2	1000	100 ns/op	8 B/op	10 MB/s
BenchmarkB-2	1000	7 ns/op
BenchmarkA/size=64-2	1000	104 ns/op	8 B/op	12 MB/s
BenchmarkA/size=64-2	1000	102 ns/op	8 B/op	11 MB/s

commit: c2
commit-time: 2026-11-02T12:00:00Z
BenchmarkA/size=64-2	1000	90 ns/op	8 B/op	13 MB/s
`
	list, err := Import(strings.NewReader(text), "x.txt", "none", time.Now(), map[string]string{"branch": "main"})
	if err != nil || len(list) != 2 {
		t.Fatal(len(list), err)
	}
	e := list[0]
	if e.Commit != "c1" || e.Time.Day() != 1 || e.Labels["branch"] != "main" || e.Conditions["cpu"] != "EPYC" || len(e.Cells) != 2 || list[1].Commit != "c2" {
		t.Fatalf("%+v", e)
	}
	want := []Figure{
		{Metric: "sec/op", Median: 102e-9, Lo: 100e-9, Hi: 104e-9, N: 3, Range: true},
		{Metric: "B/op", Median: 8, Lo: 8, Hi: 8, N: 3, Range: true},
		{Metric: "B/s", More: true, Median: 11e6, Lo: 10e6, Hi: 12e6, N: 3, Range: true},
	}
	if c := e.Cells[0]; c.Contestant != "A/size=64" || c.Load != "example.org/x, 2 CPUs" || !slices.EqualFunc(c.Figures, want, func(a, b Figure) bool {
		near := func(x, y float64) bool { return x-y < 1e-9*y && y-x < 1e-9*y }
		ok := near(a.Median, b.Median) && near(a.Lo, b.Lo) && near(a.Hi, b.Hi)
		a.Median, a.Lo, a.Hi, b.Median, b.Lo, b.Hi = 0, 0, 0, 0, 0, 0
		return ok && a == b
	}) {
		t.Errorf("%+v", c)
	}
	for text, want := range map[string]string{"": "there is no benchmark in it", "BenchmarkA 1 x ns/op\n": "it must be what go test -bench prints"} {
		if _, err := Import(strings.NewReader(text), "x.txt", "", time.Now(), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// An entry has the median of the trials that count, and the conditions that matter.
func TestNew(t *testing.T) {
	s, err := result.Read("../result/testdata/1.json")
	if err != nil {
		t.Fatal(err)
	}
	s.Plan.Cells[0].Loops = 2
	s.Plan.Matches = []result.Match{{A: 0, B: 1, Same: true}} // the second is there only for comparison
	var rates []float64
	for i := range s.Trials {
		if tr := &s.Trials[i]; tr.Cell == 0 && tr.Void == "" {
			rates = append(rates, float64(tr.Messages)/tr.Seconds)
		}
	}
	slices.Sort(rates)
	e, err := New(s, "c", nil)
	if err != nil || len(e.Cells) != 1 || len(rates) == 0 {
		t.Fatalf("%+v, %v, %v", e, rates, err)
	}
	c := e.Cells[0]
	i := slices.IndexFunc(c.Figures, func(f Figure) bool { return f.Metric == "throughput" })
	if i < 0 || c.Contestant != s.Plan.Cells[0].Contestant || !strings.HasSuffix(c.Load, ", 2 loops") {
		t.Fatalf("%+v", c)
	}
	if f := c.Figures[i]; f.N != len(rates) || f.Lo > f.Median || f.Median > f.Hi || f.Median < rates[0] || f.Median > rates[len(rates)-1] || !f.More {
		t.Errorf("%+v of %v", f, rates)
	}
	same := e.Environment()
	s.Env.Commit, s.Env.Host, s.Started = "another", "another", s.Started.Add(time.Hour)
	if again, err := New(s, "c", nil); err != nil || again.Environment() != same || again.ID() == e.ID() {
		t.Error("host or commit of ringbench are conditions, or an hour is none of the entry's business")
	}
	s.Env.Kernel = "another"
	if other, err := New(s, "c", nil); err != nil || other.Environment() == same {
		t.Error("the kernel is no condition")
	}
	for i := range s.Trials {
		s.Trials[i].Void = "died"
	}
	if _, err := New(s, "", nil); err == nil {
		t.Error("an entry of nothing")
	}
}
