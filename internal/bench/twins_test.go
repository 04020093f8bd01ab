package bench

import (
	"slices"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/ctwin"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// available builds the C programs of a workload that can run here.
func available(t *testing.T, workload string) (c Calibration, names []string) {
	t.Helper()
	testenv.Need(t, "cc", testenv.Program("cc"))
	for variant, program := range twins[workload].programs {
		b, err := backends.Lookup(variant)
		if err != nil {
			t.Fatal(err)
		}
		if b.Probe() == nil && !slices.Contains(names, program) {
			names = append(names, program)
		}
	}
	programs, err := ctwin.Build(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(programs.Remove)
	slices.Sort(names)
	return Calibration{Workload: workload, Twins: programs}, names
}

// The C programs answer every message of any size on any number of connections,
// and pass on bytes in bulk, which the load generator verifies; they read what is in
// the file, and end with status 0 when asked to.
func TestTwins(t *testing.T) {
	testenv.Full(t)
	grids := map[string][]Grid{}
	add := func(conns, size int) {
		g := EchoGrid{Networks: []string{"tcp"}, Conns: []int{conns}, Sizes: []int{size}, Pipelines: []int{1}}
		grids["echo"] = append(grids["echo"], &g)
	}
	add(1, 1)
	add(300, 64)
	add(4, 1<<20)
	if testenv.IsLong() {
		add(10_000, 64)
		add(200, 1<<20)
	}
	proxied := EchoGrid{Networks: []string{"tcp"}, Conns: []int{4}, Pipelines: []int{1}}
	ways := []string{"both"}
	if testenv.IsLong() {
		proxied.Conns, ways = []int{1, 4, 300, 3000}, []string{"down", "up", "both"}
	}
	grids["proxy"] = []Grid{&ProxyGrid{EchoGrid: proxied, Modes: []string{ModeRequest, ModeStream}, Directions: ways}}
	grids["read"] = []Grid{
		&ReadGrid{Op: "read", Sizes: []int{8192}, Depths: []int{20}, Patterns: []string{Random, Sequential}, FileBytes: 1 << 20, Dir: t.TempDir()},
	}
	for workload, grids := range grids {
		c, names := available(t, workload)
		if workload == "proxy" {
			t.Run("calls", func(t *testing.T) { checkProxyCalls(t, c) })
		}
		for _, g := range grids {
			loads, err := g.Loads()
			if err != nil {
				t.Fatal(err)
			}
			t.Run(loads[0].String(), func(t *testing.T) {
				o := options("all")
				o.Grid, o.Seed = g, 9
				c.Seed = o.Seed
				p, _, err := o.plan(func(p *result.Plan, loads []result.Load) ([]string, error) {
					for _, load := range loads {
						for _, name := range names {
							cell, err := c.twin(result.Cell{Load: load, Loops: 1}, name)
							if err != nil {
								return nil, err
							}
							p.Cells = append(p.Cells, cell)
						}
					}
					return nil, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				set, err := Run(t.Context(), p, silent, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, tr := range set.Trials {
					if name := set.Plan.Name(tr.Cell); tr.Void != "" || tr.Ending != "" {
						t.Errorf("%s: %s, %s", name, tr.Void, tr.Ending)
					} else if tr.Server == nil || tr.Messages > 0 && tr.Service.TotalCount() != int64(tr.Messages) {
						t.Errorf("%s: %d units and %d latencies, server %+v", name, tr.Messages, tr.Service.TotalCount(), tr.Server)
					}
				}
				if len(set.Trials) != len(names)*len(loads) {
					t.Errorf("%d trials of %d programs under %d loads", len(set.Trials), len(names), len(loads))
				}
			})
		}
	}
}

// checkProxyCalls: a proxy of ours and the C program that it is measured against make
// the same calls a message, by strace. Of io_uring they are as many as there are turns,
// so both stay far below one for each of the four operations of a message.
func checkProxyCalls(t *testing.T, c Calibration) {
	testenv.Need(t, "strace", testenv.Program("strace"))
	testenv.Need(t, "root", testenv.Root()) // or kernel.yama.ptrace_scope may forbid it
	const messages = 600
	for _, x := range []struct {
		variant string
		calls   map[string]float64 // a message
	}{
		{"epoll", map[string]float64{"recvfrom": 2, "sendto": 2}},
		{"epoll+splice", map[string]float64{"splice": 4}},
		{"uring", nil},
	} {
		t.Run(x.variant, func(t *testing.T) {
			b, err := backends.Lookup(x.variant)
			if err != nil {
				t.Fatal(err)
			}
			testenv.Need(t, x.variant, b.Probe())
			o := proxyOptions(x.variant)
			o.Grid.(*ProxyGrid).Conns = []int{64}
			p := planOf(t, o)
			ours := p.Cells[0]
			theirs, err := c.twin(ours, twins["proxy"].programs[x.variant])
			if err != nil {
				t.Fatal(err)
			}
			p.Cells = []result.Cell{ours, theirs}
			for _, cell := range p.Cells {
				r := &runner{plan: p}
				s, err := r.start(t.Context(), cell)
				if err != nil {
					t.Fatal(err)
				}
				report, _, calls := underStrace(t, s, messages)
				s.stop()
				n := float64(report.Answered)
				t.Logf("%s: %.0f messages: %v", cell.Contestant, n, calls)
				for name, want := range x.calls {
					// What was in flight at the end may not be counted as answered.
					if got := float64(calls[name]); got < 0.98*want*n || got > 1.02*want*n+want*64 {
						t.Errorf("%s makes %.0f calls of %s for %.0f messages, want %.0f a message", cell.Contestant, got, name, n, want)
					}
				}
				all := 0.0
				for _, name := range []string{"recvfrom", "sendto", "sendmsg", "recvmsg", "read", "write", "splice", "io_uring_enter"} {
					all += float64(calls[name])
				}
				if x.calls == nil && all > 1.5*n+4*64 {
					t.Errorf("%s makes %.0f calls for %.0f messages", cell.Contestant, all, n)
				}
			}
		})
	}
}
