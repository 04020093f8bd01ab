package bench

import (
	"math"
	"slices"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// What confirms a head has its base, and that base beside itself, and nothing else.
func TestConfirming(t *testing.T) {
	var p result.Plan
	for _, name := range []string{"uring", "epoll"} {
		pairUp(&p, result.Cell{Contestant: name + " (base)", Backend: name}, result.Cell{Contestant: name, Backend: name}, true)
	}
	one := confirming(&p, []result.Cell{{Contestant: "epoll"}})
	var names []string
	for _, c := range one.Cells {
		names = append(names, c.Contestant)
	}
	if want := []string{"epoll (base)", "epoll", "epoll (base)" + again}; !slices.Equal(names, want) {
		t.Errorf("cells %q, want %q", names, want)
	}
	if len(one.Matches) != 2 || !one.Matches[0].Same || one.Matches[1].Same || one.Matches[1].A != 1 {
		t.Errorf("matches %+v", one.Matches)
	}
	if len(p.Cells) != 6 || len(p.Matches) != 4 {
		t.Errorf("the plan has now %d cells and %d matches", len(p.Cells), len(p.Matches))
	}
	if none := confirming(&p, []result.Cell{{Contestant: "net"}}); len(none.Cells) != 0 {
		t.Errorf("of what is not there: %+v", none.Cells)
	}
}

// A round rate, so that what differs a little from day to day is the same load.
func TestPaced(t *testing.T) {
	for answered, want := range map[float64]float64{
		1: 0, 2: 1, 10: 7, 14.3: 10, 58_000: 40_000, 71_000: 40_000, 72_000: 50_000, 1e7: 7e6,
		math.NaN(): 0, math.Inf(-1): 0, 0: 0,
	} {
		if got := paced(answered); got != want {
			t.Errorf("of %v: %v, want %v", answered, got, want)
		}
	}
}
