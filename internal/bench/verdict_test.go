package bench

import (
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

func TestVerdict(t *testing.T) {
	const (
		server  = result.ServerBound
		client  = result.ClientBound
		neither = result.NeitherBound
	)
	shared, split := result.Plan{Placement: Shared, ClientCPUs: []int{0}}, result.Plan{Placement: Split, ClientCPUs: []int{1}}
	wide := result.Plan{Placement: Split, ClientCPUs: []int{4, 5, 6, 7}}
	loops := result.Cell{Backend: "epoll", Loops: 1, Load: result.Load{Workload: "echo", Conns: 64, Pipeline: 1}}
	pool := result.Cell{Backend: "threadpool", Loops: 1, Load: result.Load{Workload: "echo", Conns: 64, Pipeline: 1}}
	foreign := result.Cell{Command: "server {port}", Loops: 1, Load: result.Load{Workload: "echo", Conns: 64, Pipeline: 1}}
	target := result.Cell{Target: "127.0.0.1:7000", Load: result.Load{Workload: "echo", Conns: 64, Pipeline: 1}}
	single := result.Cell{Backend: "epoll", Loops: 1, Load: result.Load{Workload: "echo", Conns: 1, Pipeline: 1}}
	paced := result.Cell{Backend: "epoll", Loops: 1, Load: result.Load{Workload: "echo", Conns: 10, Pipeline: 1, Rate: 1000}}
	poller := []result.Helper{{Name: "iou-sqp", Threads: 1, CPUSeconds: 1}}
	for _, c := range []struct {
		name                       string
		plan                       result.Plan
		cell                       result.Cell
		serverCPU, clientCPU, spin float64 // of one CPU
		serverCPUs, threads        int
		helpers                    []result.Helper
		messages                   uint64 // in a second
		service                    time.Duration
		unserved                   int
		want                       string
	}{
		{name: "a loop on its CPU", plan: split, cell: loops, serverCPU: 0.99, clientCPU: 0.6, want: server},
		{name: "the client's CPU", plan: split, cell: loops, serverCPU: 0.7, clientCPU: 0.95, want: client},
		{name: "both, the client more", plan: split, cell: loops, serverCPU: 0.91, clientCPU: 0.97, want: client},
		{name: "neither", plan: split, cell: loops, serverCPU: 0.5, clientCPU: 0.4, want: neither},
		// One thread cannot use four CPUs.
		{name: "one loop, four CPUs", plan: split, cell: loops, serverCPU: 0.99, clientCPU: 0.6, serverCPUs: 4, threads: 6, want: server},
		{name: "a pool, four CPUs", plan: split, cell: pool, serverCPU: 0.99, clientCPU: 0.6, serverCPUs: 4, threads: 70, want: neither},
		{name: "a pool on all of four", plan: split, cell: pool, serverCPU: 3.8, clientCPU: 0.6, serverCPUs: 4, threads: 70, want: server},
		{name: "a foreign server of one thread", plan: split, cell: foreign, serverCPU: 0.99, clientCPU: 0.6, serverCPUs: 4, threads: 1, want: server},
		{name: "a target of eight threads", plan: split, cell: target, serverCPU: 0.99, clientCPU: 0.6, serverCPUs: 8, threads: 8, want: neither},
		{name: "a poller that spins beside a loop", plan: split, cell: loops, serverCPU: 1.3, clientCPU: 0.6, serverCPUs: 2, threads: 6, helpers: poller, want: neither},
		{name: "one connection, a client of four CPUs", plan: wide, cell: single, serverCPU: 0.5, clientCPU: 0.95, want: client},
		{name: "64 connections, a client of four CPUs", plan: wide, cell: loops, serverCPU: 0.5, clientCPU: 0.95, want: neither},
		// Both on one CPU.
		{name: "shared, the server more", plan: shared, cell: loops, serverCPU: 0.6, clientCPU: 0.38, want: server},
		{name: "shared, the client more", plan: shared, cell: loops, serverCPU: 0.4, clientCPU: 0.55, want: client},
		{name: "shared, CPU to spare", plan: shared, cell: loops, serverCPU: 0.5, clientCPU: 0.35, want: neither},
		{name: "a target is not where the client is", plan: shared, cell: target, serverCPU: 0.6, clientCPU: 0.38, threads: 4, want: neither},
		// Open loop.
		{name: "a pacer that polls", plan: split, cell: paced, serverCPU: 0.3, clientCPU: 0.99, spin: 0.9, messages: 1000, want: neither},
		{name: "a pacer with no time to poll", plan: split, cell: paced, serverCPU: 0.3, clientCPU: 0.99, spin: 0.02, messages: 1000, want: client},
		{name: "the rate is missed, the server idle", plan: split, cell: paced, serverCPU: 0.3, clientCPU: 0.5, messages: 600, service: time.Millisecond, want: client},
		{name: "the rate is missed, the server busy", plan: split, cell: paced, serverCPU: 0.95, clientCPU: 0.5, messages: 600, service: time.Millisecond, want: server},
		{name: "all connections wait for the server", plan: split, cell: paced, serverCPU: 0.3, clientCPU: 0.5, messages: 600, service: 16 * time.Millisecond, want: neither},
		{name: "connections wait in the backlog", plan: split, cell: paced, serverCPU: 0.3, clientCPU: 0.5, messages: 600, service: time.Millisecond, unserved: 4, want: neither},
	} {
		p := c.plan
		p.Cells = []result.Cell{{}, c.cell}
		trial := &result.Trial{
			Cell: 1, Seconds: 1, Messages: c.messages, Offered: uint64(c.cell.Rate), Unserved: c.unserved, Service: result.NewHistogram(),
			Server: &result.Process{CPUSeconds: 2 * c.serverCPU, Seconds: 2, CPUs: max(1, c.serverCPUs), Threads: max(1, c.threads), Helpers: c.helpers},
			Client: &result.Process{CPUSeconds: 3 * c.clientCPU, SpinSeconds: 3 * c.spin, Seconds: 3, CPUs: len(p.ClientCPUs), Threads: 5},
		}
		if c.messages > 0 {
			if err := trial.Service.RecordValues(max(1, int64(c.service)), int64(c.messages)); err != nil {
				t.Fatal(err)
			}
		}
		if got := verdict(trial, &p); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		p.Duet = true
		if got := verdict(trial, &p); got != "" {
			t.Errorf("%s in a duet: %s", c.name, got)
		}
	}
}
