package plan_test

import (
	"fmt"

	"github.com/ringbench/ringbench/internal/plan"
	"github.com/ringbench/ringbench/internal/result"
)

func ExampleOf() {
	cells := []result.Cell{{Contestant: "uring", Load: result.Load{Conns: 64}}, {Contestant: "epoll", Load: result.Load{Conns: 64}}}
	runs, err := plan.Of(&result.Plan{Cells: cells, Trials: 2, Seed: 1, Duet: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range runs {
		fmt.Printf("pair %d starts %s, then %s\n", r.Pair, cells[r.Cells[0]].Contestant, cells[r.Cells[1]].Contestant)
	}
	// Output:
	// pair 1 starts uring, then epoll
	// pair 2 starts epoll, then uring
}
