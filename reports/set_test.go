package reports

import (
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// profile is one made-up contestant; figures of the order of design.md §6.
type profile struct {
	name, backend, tier  string
	features             []string
	rate, cpu, user      float64 // messages/s, s a message, share
	syscalls, traced     float64
	p50                  float64 // ns
	threads              int
	rss                  uint64
	counters             map[string]uint64
	countsItsOwnSyscalls bool
}

var profiles = []profile{
	{name: "uring", backend: "uring", tier: "6.1", features: []string{"single_issuer", "defer_taskrun", "multishot", "bufring"},
		rate: 118e3, cpu: 6812e-9, user: 0.03, syscalls: 0.264, traced: 0.2641, p50: 498e3, threads: 6, rss: 12 << 20,
		counters: map[string]uint64{"no_bufs": 12, "rearms": 12}, countsItsOwnSyscalls: true},
	{name: "epoll", backend: "epoll", tier: "epoll_pwait2", features: []string{"edge-triggered", "ready-bits"},
		rate: 109e3, cpu: 8123e-9, user: 0.05, syscalls: 2.09, traced: 2.0912, p50: 561e3, threads: 6, rss: 11 << 20, countsItsOwnSyscalls: true},
	{name: "threadpool", backend: "threadpool", rate: 81e3, cpu: 11740e-9, user: 0.11, syscalls: 2.0, traced: 2.31,
		p50: 702e3, threads: 70, rss: 27 << 20, countsItsOwnSyscalls: true},
	{name: "net", backend: "net", rate: 84e3, cpu: 11280e-9, user: 0.22, traced: 2.41, p50: 690e3, threads: 7, rss: 14 << 20},
}

// newSet is a run of the four backends under the given numbers of
// connections. The figures of a trial differ from its profile by a fixed
// pattern, so goldens can be computed by hand.
func newSet(trials int, conns ...int) *result.Set {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := &result.Set{
		Schema:  result.Schema,
		Version: "v0.1.0-test",
		Command: []string{"ringbench", "echo", "--conns=1,64"},
		Started: start, Ended: start.Add(time.Minute),
		Env: result.Env{Host: "vm", Kernel: "6.18.0", Arch: "amd64", GoVersion: "go1.26.8", CPUModel: "AMD EPYC", CPUs: 2,
			MemoryBytes: 8 << 30, TickHz: 250, Accounting: "tick", IRQAccounting: "task", Mitigations: []string{"spectre_v2: retpolines"}, Cmdline: "console=ttyS0"},
		Plan: result.Plan{Trials: trials, Seed: 1, WarmupSeconds: 0.2, DurationSeconds: 1, Placement: "split",
			ServerCPUs: []int{0}, ClientCPUs: []int{1}, Client: "uring"},
		Floor: &result.Floor{Seconds: 1, Messages: 8_000_000, CPUSeconds: 0.97},
	}
	for _, n := range conns {
		for _, p := range profiles {
			s.Plan.Cells = append(s.Plan.Cells, result.Cell{Contestant: p.name, Backend: p.backend, Load: result.Load{Workload: "echo", Network: "tcp", Conns: n, Size: 64, Pipeline: 1}, Loops: 1})
		}
	}
	for block := range trials {
		for cell, c := range s.Plan.Cells {
			t := newTrial(profiles[cell%len(profiles)], c.Conns, block)
			t.Cell, t.Block, t.Order = cell, block, len(s.Trials)
			t.Started = start.Add(time.Duration(t.Order) * time.Second)
			s.Trials = append(s.Trials, t)
		}
	}
	return s
}

// wobble is what trial number block has instead of 1: 1.00 1.02 0.98 1.04 0.96 …
func wobble(block int) float64 {
	d := float64((block+1)/2) * 0.02
	if block%2 == 0 {
		d = -d
	}
	return 1 + d
}

func newTrial(p profile, conns, block int) result.Trial {
	w := wobble(block)
	rate := p.rate * w
	latency := p.p50 / w
	if conns == 1 {
		rate, latency = rate/5, latency/10
	}
	messages := uint64(rate)
	cpu := p.cpu / w * rate
	t := result.Trial{
		Seconds: 1, Messages: messages, Bytes: messages * 64,
		Service: newHistogram(latency, int64(messages)),
		Server: &result.Process{CPUSeconds: cpu, UserShare: p.user, UserShareError: 0.01, Seconds: 1, ThreadSeconds: 1, Voluntary: messages / 10,
			Involuntary: 40, PeakRSS: p.rss, Threads: p.threads, CPUs: 1},
		Client: &result.Process{CPUSeconds: rate * 5.1e-6, UserShare: 0.04, UserShareError: 0.012, Seconds: 1, ThreadSeconds: 1, Voluntary: messages / 12,
			PeakRSS: 20 << 20, Threads: 6, CPUs: 1},
		Machine: &result.Machine{Seconds: 1, BusySeconds: cpu + rate*5.5e-6, UserSeconds: 0.06, KernelSeconds: cpu + rate*5.5e-6 - 0.06,
			SoftirqSeconds: 0.3, StealSeconds: 0.02 * float64(1+block), OtherSeconds: 0.01},
		Tier: p.tier, Features: p.features, Counters: p.counters, TracedSyscalls: &p.traced, Verdict: result.ServerBound,
	}
	if p.countsItsOwnSyscalls {
		t.CountedSyscalls, t.Buffers = &p.syscalls, &result.Buffers{Count: 256, Bytes: 4096}
		t.Counters = maps.Clone(p.counters)
		if t.Counters != nil {
			t.Counters["bytes_in"] = t.Bytes
		}
	}
	return t
}

// newHistogram has its median at p50 and a tail that falls like 1/x².
func newHistogram(p50 float64, n int64) result.Histogram {
	h := result.NewHistogram()
	steps := min(n, 4000)
	for i := range steps {
		q := (float64(i) + 0.5) / float64(steps)
		v := p50 * (0.6 + 0.4*math.Sqrt(0.5/(1-q)))
		if err := h.RecordValues(int64(v), n/steps); err != nil {
			panic(fmt.Sprint("test histogram: ", err))
		}
	}
	return h
}
