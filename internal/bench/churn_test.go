package bench

import (
	"math"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

func churnOptions(backends ...string) Options {
	o := options(backends...)
	o.Grid = &ChurnGrid{Networks: []string{"tcp"}, Conns: []int{8}, Sizes: []int{64}, RequestsPerConn: []int{1, 3}}
	return o
}

// Every backend serves short connections, on either network, and in duets; what
// is counted is connections.
func TestChurn(t *testing.T) {
	t.Parallel()
	solo, duet := churnOptions(), churnOptions("uring", "threadpool")
	solo.Grid.(*ChurnGrid).Networks = []string{"tcp", "unix"}
	solo.Grid.(*ChurnGrid).RequestsPerConn = []int{3}
	duet.Duet, duet.Grid.(*ChurnGrid).RequestsPerConn = true, []int{1}
	for _, o := range []Options{solo, duet} {
		set := busyRun(t, o)
		for _, trial := range set.Trials {
			c := set.Plan.Cells[trial.Cell]
			at := set.Plan.Name(trial.Cell) + " " + c.Load.String()
			if want := trial.Messages * uint64(64*c.Requests); trial.Messages == 0 || trial.Bytes != want || trial.Unserved != 0 {
				t.Errorf("%s: %d connections and %d bytes, not %d; %d unserved", at, trial.Messages, trial.Bytes, want, trial.Unserved)
			}
			if c.Backend != "threadpool" {
				continue
			}
			// To accept, receive and send each message, see the end, and close;
			// the connections that were there before the load are closed, too, and
			// the last may not be yet.
			want := 3 + 2*float64(c.Requests)
			edges := float64(3*c.Conns) / float64(trial.Messages)
			if s := trial.CountedSyscalls; s == nil || *s < want-0.5-edges || *s > want+0.5+edges {
				t.Errorf("%s: %v system calls a connection, not %v", at, s, want)
			}
		}
	}
}

// A pool grows to as many workers as there are connections at a time, before the
// load, and no further.
func TestChurnOfPool(t *testing.T) {
	const conns = 8
	for workers, want := range map[int]int{0: conns, 3: 3} {
		o := churnOptions("threadpool")
		o.Workers = workers
		r, c := start(t, o)
		threads := func() int {
			var n int
			if err := c.server.Call(t.Context(), "accepted", nil, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := threads(); n != want {
			t.Errorf("%d workers: %d connections were taken before the load, not %d", workers, n, want)
		}
		m, err := r.window(t.Context(), []*contestant{c}, 50*time.Millisecond, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if n := m.servers[0].Threads; n > want+20 { // the runtime's
			t.Errorf("%d workers: %d threads for %d connections at a time", workers, n, conns)
		}
	}
}

// From before the load until after it, strace sees of each kind of call as many
// as the server counts, and of those that end a connection as many as the client
// says there were.
func TestChurnAgreesWithStrace(t *testing.T) {
	testenv.Full(t)
	testenv.Need(t, "strace", testenv.Program("strace"))
	testenv.Need(t, "root", testenv.Root()) // or kernel.yama.ptrace_scope may forbid it
	const conns, requests = 8, 3
	for _, backend := range []string{"epoll", "threadpool", "uring"} {
		t.Run(backend, func(t *testing.T) {
			b, err := backends.Lookup(backend)
			if err != nil {
				t.Fatal(err)
			}
			testenv.Need(t, backend, b.Probe())
			o := churnOptions(backend)
			o.Grid.(*ChurnGrid).RequestsPerConn = []int{requests}
			_, c := start(t, o)
			c.pool = false // read its counters at any time
			report, n, calls := underStrace(t, c, 500)
			near := func(what string, got, want uint64, slack float64) {
				if math.Abs(float64(got)-float64(want)) > slack {
					t.Errorf("%s: %d and %d; strace: %v; the server: %v", what, got, want, calls, n.Map())
				}
			}
			near("bytes received, and those of the client's connections", n[backends.BytesIn], report.Answered*64*requests, 0)
			if backend == "uring" {
				near("io_uring_enter and the server's waits", calls["io_uring_enter"], n[backends.SysWait], 5+0.01*float64(n[backends.SysWait]))
				return
			}
			near("close and the client's connections", calls["close"], report.Answered+conns, 5)
			near("accept4 and the server's accepts", calls["accept4"], n[backends.SysAccept], conns+5)
			near("sendto and the server's sends", calls["sendto"], n[backends.SysSend], 5)
			near("sendto and the client's requests", calls["sendto"], report.Answered*requests, 5)
			near("recvfrom and the server's receives", calls["recvfrom"], n[backends.SysRecv], conns+5)
		})
	}
}
