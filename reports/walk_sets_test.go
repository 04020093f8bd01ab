package reports

import (
	"slices"

	"github.com/ringbench/ringbench/internal/result"
)

// walkedSets have all that a page may show, together.
func walkedSets() map[string]*result.Set {
	duet := newContests("", []int{64}, []string{"uring", "epoll", "uring again"},
		contest{a: 0, b: 1, cpu: []float64{0.9, 0.91, 0.9, 0.93, 0.92, 0.94}}, contest{a: 0, b: 2, cpu: []float64{1, 1.01, 0.99, 1, 1.02, 1}, same: true})
	duet.Plan.Sessions = 2
	for i := range duet.Trials {
		duet.Trials[i].Session = duet.Trials[i].Block / 3
	}
	calibration := newContests(result.PurposeCalibration, []int{1, 64}, []string{"uring", "c-uring", "epoll", "c-epoll"},
		contest{a: 0, b: 1, label: "Go / C", cpu: []float64{1.01, 1.02, 1.03}}, contest{a: 0, b: 2, label: "ours", cpu: []float64{0.9, 0.91, 0.92}}, contest{a: 1, b: 3, label: "C's", cpu: []float64{0.92, 0.9, 0.91}})
	joined := newInterrupted()
	joined.Joined = []result.Part{{Name: "a.json", Command: []string{"ringbench", "echo"}, Started: joined.Started, Sessions: 1}, {Name: "b.json", Command: []string{"ringbench", "echo"}, Started: joined.Ended, Sessions: 1}}
	joined.Plan.Sessions = 2
	return map[string]*result.Set{
		"joined":     joined,
		"comparison": newRich(), "duet": duet, "files": newFiles(), "connections": newShort(), "disk": newDisk(),
		"ablation": newAblation(), "saving": newSaving(), "calibration": calibration, "search": newSearch(), "troubles": newTroubled(), "alone": newAlone(), "interrupted": newInterrupted(),
	}
}

// newRich is uring and epoll under closed loops of a grid, three rates and idle
// connections, with all that a trial may have. One trial is void and one was disturbed.
func newRich() *result.Set {
	s := newSweep()
	s.Plan.Trials, s.Env.IRQAccounting = 3, "apart"
	s.Env.Facts = map[string]string{"smt": "off", "cpu_quota": "2"}
	s.Env.Sysctls = map[string]string{"net.core.somaxconn": "4096"}
	waited, other := 0.02, 0.125
	for _, l := range []result.Load{{Conns: 1, Size: 64}, {Conns: 64, Size: 64}, {Conns: 1, Size: 4096}, {Conns: 64, Size: 4096}, {Conns: 8, Size: 64, Idle: 10_000}} {
		l.Workload, l.Network, l.Pipeline = "echo", "tcp", 1
		for _, p := range profiles[:2] {
			s.Plan.Cells = append(s.Plan.Cells, result.Cell{Contestant: p.name, Backend: p.backend, Load: l, Loops: 1})
			if l.Idle > 0 { // there they are alike but for their CPU
				p = profiles[0]
			}
			for block := range 3 {
				t := newTrial(p, l.Conns, block)
				t.Cell, t.Block, t.Order = len(s.Plan.Cells)-1, block, len(s.Trials)
				t.Series = &result.Series{IntervalSeconds: 0.25, WarmUp: 2, Counts: []uint64{10, 20, 25, 25, 24, uint64(26 + block)}}
				if l.Conns == 1 { // of several seconds, of which some were disturbed
					t.Seconds, t.Series.IntervalSeconds, t.Moments = 3.5, 0.875, make([]result.Moment, 3)
					for i := range block {
						t.Moments[len(t.Moments)-1-i].Disturbed = "steal took 30 % of all CPUs' time"
					}
				}
				s.Trials = append(s.Trials, t)
			}
		}
	}
	user, kernel := int64(15<<20), int64(90<<20)
	for i := range s.Trials {
		t := &s.Trials[i]
		t.Server.RunQueueWait, t.OtherSyscalls = &waited, &other
		t.Server.CPUSeconds *= 1 + float64(i%7)/100
		t.Server.Seconds, t.Server.ThreadSeconds, t.Client.Seconds, t.Machine.Seconds = 1.001, 1.25, 1.002, 1.003
		t.Counters = map[string]uint64{"bytes_in": t.Bytes + 640, "sys_wait": t.Messages / 7, "completions": t.Messages, "no_bufs": uint64(1000 * (i + 1))}
		if t.Response != nil {
			calm := newHistogram(70e3, 3000)
			t.Hiccups.Client, t.Hiccups.CPUSeconds, t.Offered = &calm, 0.01, t.Messages+uint64(i)
			t.SendLag = &calm
			if s.Plan.Cells[t.Cell].Rate == 2e5 {
				t.Offered += 5000 * uint64(t.Block)
			}
		}
		if s.Plan.Cells[t.Cell].Idle > 0 {
			t.Idle = &result.IdleMemory{Connections: 10_000, User: &user, Kernel: &kernel}
		}
	}
	s.Trials[len(s.Trials)-7].Void, s.Trials[len(s.Trials)-9].Disturbed = "server died", "steal took 7.5 % of all CPUs' time"
	return s
}

// twoUnder are two contestants of a load, in two trials each.
func twoUnder(change func(*result.Cell, *result.Trial)) *result.Set {
	s := newSet(2, 64)
	s.Plan.Cells = s.Plan.Cells[:2]
	s.Trials = slices.DeleteFunc(s.Trials, func(t result.Trial) bool { return t.Cell > 1 })
	for i := range s.Trials {
		change(&s.Plan.Cells[s.Trials[i].Cell], &s.Trials[i])
	}
	return s
}

func newFiles() *result.Set {
	return twoUnder(func(c *result.Cell, t *result.Trial) {
		c.Workload, c.Size, c.Pipeline, c.FileBytes, c.Buffer, t.FileBytes = "stream", 0, 0, 1<<20, 64<<10, 1<<20
		t.Bytes = uint64(float64(t.Messages) * 1000.5 * 1024)
		t.Counters = map[string]uint64{"bytes_out": t.Bytes, "sys_wait": 1000}
		t.Verdict = map[bool]string{true: result.ServerBound, false: result.ClientBound}[t.Block == 0]
	})
}

// sixOf are six trials of each of these cells of a set.
func sixOf(s *result.Set, cells ...int) *result.Set {
	all := s.Plan.Cells
	s.Plan.Trials, s.Plan.Cells = 6, nil
	for _, cell := range cells {
		s.Plan.Cells = append(s.Plan.Cells, all[cell])
		for block := range s.Plan.Trials {
			t := newTrial(profiles[cell%len(profiles)], all[cell].Conns, block)
			t.Cell, t.Block, t.Order = len(s.Plan.Cells)-1, block, len(s.Trials)
			s.Trials = append(s.Trials, t)
		}
	}
	return s
}

// newSaving is an ablation in which a feature takes less CPU. Of the trials of another one
// warmed up, one became slower and one came to no steady state.
func newSaving() *result.Set {
	s := newAblation()
	unsteady := 0
	for i := range s.Trials {
		switch t := &s.Trials[i]; t.Cell {
		case 3:
			t.Server.CPUSeconds *= 0.8
		case 2:
			first, late := []uint64{1000, 700, 1000, 1400}[unsteady], []uint64{0, 0, 300, 0}[unsteady]
			unsteady++
			t.Series = &result.Series{IntervalSeconds: 0.02, WarmUp: 3, Counts: []uint64{0, 1, 50}}
			for n := range uint64(50) {
				level := uint64(1000)
				if n < 20 {
					level = first
				}
				if n >= 43 { // within the last quarter
					level += late
				}
				t.Series.Counts = append(t.Series.Counts, level+n%3)
			}
		}
	}
	return s
}

// newAlone has nobody to compare with.
func newAlone() *result.Set {
	s := sixOf(newSet(0, 1, 64), 0, len(profiles))
	s.Plan.Until = 0.015
	for i := range s.Trials {
		s.Trials[i].Server.CPUSeconds *= 1 + 0.1*float64(s.Trials[i].Cell)
	}
	return s
}

// newTroubled is of two proxies that had about everything that a report warns of, joined
// of two runs.
func newTroubled() *result.Set {
	s := sixOf(newSet(0, 64), 0, 1)
	p := &s.Plan
	p.Trials, p.Sessions, p.Until = 8, 3, 0.02
	p.ServerCPUs, p.OriginCPUs = []int{0, 1, 3}, []int{2}
	p.LeftOut = []result.LeftOut{{Contestant: "net", Why: "it takes Linux 9.1"}}
	s.Warnings, s.Env.IRQAccounting = []string{"the clock went back by 3 s"}, "apart"
	s.Resumed = []result.Resumption{{Started: s.Started, Block: 3}}
	s.Joined = []result.Part{{Name: "a.json", Command: []string{"ringbench", "proxy"}, Started: s.Started, Sessions: 2}, {Name: "b.json", Command: []string{"ringbench", "proxy"}, Started: s.Ended, Sessions: 1}}
	s.Storage = &result.Storage{Path: "/mnt/data", Queue: &result.Queue{Requests: 64}}
	for i := range p.Cells {
		p.Cells[i].Workload = "proxy"
	}
	p.Cells[0].Target, p.Cells[0].Backend = "127.0.0.1:7000", ""
	for i := range s.Trials {
		t := &s.Trials[i]
		t.Session = t.Block / 2
		switch {
		case t.Cell == 0:
			t.Server.Processes, t.Server.ProcessesEnded, t.Server.ThreadsEnded = 3, t.Block/3, t.Block
			wait := newHistogram(3e6, 64)
			t.Unserved, t.BacklogWait = t.Block/2, &wait
			t.Lost, t.Late, t.Clipped = uint64(t.Block), uint64(2*t.Block/3), uint64(t.Block/4)
			t.Slowed = &result.Slowed{Messages: 1000, CPUSeconds: 1.2e-3 + 1e-5*float64(t.Block)}
			t.Counters["zc_copied"], t.Counters["zc_notifications"] = uint64(t.Block), 1000
			t.Machine.OtherSeconds = 0.3
			if t.Block > 1 {
				t.TraceFailure = "process 17 has gone"
			}
		case t.Block > 3:
			t.Void = "server died by signal 9"
		case t.Block > 0:
			t.Disturbed = "steal took 7.5 % of all CPUs' time"
		}
	}
	return s
}

// newInterrupted ended in its third block of eight, after the trial of one contestant.
func newInterrupted() *result.Set {
	s := sixOf(newSet(0, 64), 0, 1)
	s.Plan.Trials, s.Plan.Until, s.Interrupted = 8, 0.02, true
	s.Trials = slices.DeleteFunc(s.Trials, func(t result.Trial) bool { return t.Block+t.Cell > 2 })
	return s
}

func newShort() *result.Set {
	return twoUnder(func(c *result.Cell, _ *result.Trial) { c.Workload, c.Requests = "churn", 10 })
}

func newDisk() *result.Set {
	s := twoUnder(func(c *result.Cell, t *result.Trial) {
		c.Load = result.Load{Workload: "file", Op: "read", Pattern: "random", Depth: 8, Size: 4096, FileBytes: 1 << 30}
		t.Client, t.Verdict = nil, ""
	})
	s.Plan.Placement, s.Plan.ClientCPUs = "alone", nil
	return s
}
