package claims

import "github.com/ringbench/ringbench/internal/result"

// published is frevib's table, requests a second on Linux 5.6-rc1 (io_uring-echo-server,
// benchmarks/benchmarks.md), by connections and bytes.
var published = []struct {
	conns, size  int
	uring, epoll float64
}{
	{1, 128, 13093, 13177}, {50, 128, 147078, 139863}, {150, 128, 190054, 152561},
	{300, 128, 216637, 145517}, {500, 128, 211280, 125402}, {1000, 128, 173343, 108380},
	{1, 512, 13140, 13190}, {50, 512, 150444, 135973}, {150, 512, 193019, 147153},
	{300, 512, 203360, 142518}, {500, 512, 194701, 124584}, {1000, 512, 156880, 107257},
	{1, 1000, 14024, 13172}, {50, 1000, 140248, 131773}, {150, 1000, 178638, 142481},
	{300, 1000, 200853, 131748}, {500, 1000, 183845, 123287}, {1000, 1000, 143810, 102474},
}

// A Cell is one load of the published grid, theirs beside ours.
type Cell struct {
	Conns, Size int
	Theirs      float64 // requests a second, io_uring to epoll
	Ours        Figure
}

// Grid is the published table beside what a run of "grid" has found.
func Grid(s *result.Set) (cells []Cell) {
	for _, p := range published {
		c := Cell{Conns: p.conns, Size: p.size, Theirs: p.uring / p.epoll, Ours: Figure{Missing: "it was not measured"}}
		if s != nil {
			c.Ours = ratio("uring", "epoll", rate, cell(p.conns, p.size))(s)
		}
		cells = append(cells, c)
	}
	return cells
}
