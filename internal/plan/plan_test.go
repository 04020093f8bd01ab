package plan

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

func grid(names []string, conns ...int) (cells []result.Cell) {
	for _, n := range conns {
		for _, name := range names {
			cells = append(cells, result.Cell{Contestant: name, Backend: name, Load: result.Load{Network: "tcp", Conns: n, Size: 64, Pipeline: 1}, Loops: 1})
		}
	}
	return cells
}

func TestSoloBlocksHoldEveryCellOnce(t *testing.T) {
	cells := grid([]string{"uring", "epoll", "threadpool", "net"}, 1, 64)
	runs, err := Solo(cells, 50, 7)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 50*8 {
		t.Fatalf("%d runs, want 400", len(runs))
	}
	orders := map[int]int{} // how often cell 0 stands at each place
	for block := range 50 {
		var seen []int
		for i, r := range runs[block*8 : block*8+8] {
			if r.Block != block || r.Order != block*8+i || r.Pair != 0 || len(r.Cells) != 1 {
				t.Fatalf("run %d of block %d is %+v", i, block, r)
			}
			if r.Cells[0] == 0 {
				orders[i]++
			}
			seen = append(seen, r.Cells[0])
		}
		slices.Sort(seen)
		if !slices.Equal(seen, []int{0, 1, 2, 3, 4, 5, 6, 7}) {
			t.Fatalf("block %d holds %v", block, seen)
		}
	}
	if len(orders) < 6 {
		t.Errorf("in 50 blocks cell 0 stood at %d of 8 places only: %v", len(orders), orders)
	}
}

func TestOrderFollowsFromTheSeed(t *testing.T) {
	cells := grid([]string{"uring", "epoll", "threadpool", "net"}, 1, 64)
	a, _ := Solo(cells, 5, 1)
	b, _ := Solo(cells, 5, 1)
	c, _ := Solo(cells, 5, 2)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gave another order")
	}
	if reflect.DeepEqual(a, c) {
		t.Error("another seed gave the same order")
	}
	// A published order must stay reproducible by later versions.
	var first []int
	for _, r := range a[:8] {
		first = append(first, r.Cells[0])
	}
	if want := []int{0, 2, 3, 4, 5, 7, 6, 1}; !slices.Equal(first, want) {
		t.Errorf("seed 1 gives %v, and gave %v when this was written", first, want)
	}
}

func TestDuetPairs(t *testing.T) {
	for _, c := range []struct {
		name  string
		cells []result.Cell
		want  [][2]int
	}{
		{"two", grid([]string{"uring", "epoll"}, 1, 64), [][2]int{{0, 1}, {2, 3}}},
		{"A/A", grid([]string{"uring", "uring"}, 64), [][2]int{{0, 1}}},
		{"three", grid([]string{"uring", "epoll", "net"}, 1, 64), [][2]int{{0, 1}, {0, 2}, {3, 4}, {3, 5}}},
		{"unlike pools", []result.Cell{
			{Contestant: "uring", Load: result.Load{Network: "tcp", Conns: 8, Size: 64}, Loops: 1},
			{Contestant: "threadpool", Load: result.Load{Network: "tcp", Conns: 8, Size: 64}, Workers: 8},
		}, [][2]int{{0, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			runs, err := Of(&result.Plan{Cells: c.cells, Trials: 6, Seed: 3, Duet: true})
			if err != nil {
				t.Fatal(err)
			}
			if len(runs) != 6*len(c.want) {
				t.Fatalf("%d runs, want %d", len(runs), 6*len(c.want))
			}
			firsts := map[[2]int]int{}
			for i, r := range runs {
				block := i / len(c.want)
				if r.Order != i || r.Block != block || r.Pair != i+1 || len(r.Cells) != 2 {
					t.Fatalf("run %d is %+v", i, r)
				}
				pair := [2]int{min(r.Cells[0], r.Cells[1]), max(r.Cells[0], r.Cells[1])}
				if !slices.Contains(c.want, pair) {
					t.Fatalf("run %d pairs %v", i, r.Cells)
				}
				if swapped := r.Cells[0] > r.Cells[1]; swapped != (block%2 == 1) {
					t.Errorf("block %d starts %v", block, r.Cells)
				}
				firsts[pair]++
			}
			for _, p := range c.want {
				if firsts[p] != 6 {
					t.Errorf("pair %v ran %d times in 6 blocks", p, firsts[p])
				}
			}
		})
	}
}

// Sessions follow each other in one order; the halves of a match that is run
// apart follow each other, too, and take turns at being first.
func TestMatched(t *testing.T) {
	p := &result.Plan{
		Cells: grid([]string{"uring", "uring+sqpoll", "epoll"}, 64), Trials: 4, Sessions: 2, Seed: 5, Duet: true,
		Matches: []result.Match{{A: 2, B: 0}, {A: 1, B: 0, Apart: true}},
	}
	runs, err := Of(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 8*3 {
		t.Fatalf("%d runs, want 24", len(runs))
	}
	seen := map[int][]Run{}
	for i, r := range runs {
		if r.Order != i || r.Block != i/3 {
			t.Errorf("run %d is %+v", i, r)
		}
		seen[r.Pair] = append(seen[r.Pair], r)
	}
	firsts := map[int]int{}
	for pair := 1; pair <= 16; pair++ {
		halves := seen[pair]
		if len(halves) == 1 {
			if !slices.Contains(halves[0].Cells, 2) || len(halves[0].Cells) != 2 || halves[0].Later {
				t.Errorf("pair %d is %+v", pair, halves)
			}
			continue
		}
		if len(halves) != 2 || len(halves[0].Cells) != 1 || len(halves[1].Cells) != 1 || halves[0].Cells[0]+halves[1].Cells[0] != 1 ||
			halves[0].Order+1 != halves[1].Order || halves[0].Later || !halves[1].Later {
			t.Errorf("pair %d is %+v", pair, halves)
			continue
		}
		firsts[halves[0].Cells[0]]++
	}
	if firsts[0] != 4 || firsts[1] != 4 {
		t.Errorf("of the match apart cell 0 was first %d times and cell 1 %d times, want 4 each", firsts[0], firsts[1])
	}
}

func TestErrors(t *testing.T) {
	one := grid([]string{"uring"}, 64)
	for _, c := range []struct {
		name string
		got  func() ([]Run, error)
		want string
	}{
		{"too many runs", func() ([]Run, error) { return Solo(grid([]string{"uring"}, 1, 64), 1<<62, 1) }, "4611686018427387904 blocks of 2 runs are too many: at most 1000000"},
		{"no cells", func() ([]Run, error) { return Solo(nil, 5, 1) }, "no cells"},
		{"no trials", func() ([]Run, error) { return Solo(one, 0, 1) }, "0 trials"},
		{"duet of one", func() ([]Run, error) { return Of(&result.Plan{Cells: one, Trials: 5, Duet: true}) }, "a duet needs two contestants"},
	} {
		if _, err := c.got(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}
