package main

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ringbench/ringbench/internal/result"
)

// writeResult writes a result of two contestants with eight trials each, whose CPU a
// message in ns, its noise, calls a message and connections the arguments give as
// NAME=VALUE, and the second that it started.
func writeResult(ts *testscript.TestScript, args []string) {
	of := map[string]float64{"conns": 4}
	for _, a := range args[1:] {
		name, value, _ := strings.Cut(a, "=")
		x, err := strconv.ParseFloat(value, 64)
		ts.Check(err)
		of[name] = x
	}
	s := &result.Set{Schema: result.Schema, Plan: result.Plan{Trials: 8}}
	for cell, name := range []string{"epoll", "net"} {
		load := result.Load{Workload: "echo", Network: "tcp", Conns: int(of["conns"]), Size: 64, Pipeline: 1}
		s.Plan.Cells = append(s.Plan.Cells, result.Cell{Contestant: name, Backend: name, Load: load})
		for block := range s.Plan.Trials {
			calls := of["calls"]
			cpu := of["cpu"] * math.Exp(of["noise"]*float64(block%3-1))
			t := result.Trial{Cell: cell, Block: block, Seconds: 1, Messages: 2000, Service: result.NewHistogram(), CountedSyscalls: &calls,
				Server: &result.Process{CPUSeconds: cpu * 2000 / 1e9, Seconds: 1, PeakRSS: 1 << 20}}
			ts.Check(t.Service.RecordValues(1000, 1000)) // too few for p99.9
			s.Trials = append(s.Trials, t)
		}
	}
	if of["started"] > 0 {
		s.Started = time.Unix(int64(of["started"]), 0)
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
	ts.Check(result.Write(path, s))
}
