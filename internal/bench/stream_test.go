package bench

import (
	"context"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/workloads"
)

func streamOptions(t *testing.T, backends ...string) Options {
	o := options(backends...)
	o.Grid = &StreamGrid{
		Networks: []string{"tcp"}, Protocols: []string{workloads.Raw}, RequestsPerConn: []int{1},
		Conns: []int{4}, FileSizes: []int{100_001}, BufSizes: []int{16 << 10}, Dir: t.TempDir(),
	}
	return o
}

// Every backend sends files, of several sizes, on either network, asked for or not,
// in duets and at a rate; what is counted is files.
func TestStream(t *testing.T) {
	t.Parallel()
	solo, duet, paced := streamOptions(t), streamOptions(t, "uring", "epoll+sendfile"), streamOptions(t, "epoll")
	paced.Grid.(*StreamGrid).Rates = []float64{500}
	solo.Grid.(*StreamGrid).Networks = []string{"tcp", "unix"}
	duet.Grid.(*StreamGrid).Protocols = []string{workloads.HTTP}
	duet.Duet, duet.Grid.(*StreamGrid).FileSizes = true, []int{1, 100_001}
	for _, o := range []Options{solo, duet, paced} {
		set := busyRun(t, o)
		for _, trial := range set.Trials {
			c := set.Plan.Cells[trial.Cell]
			if due := uint64(c.Rate * trial.Seconds); trial.Offered != due || (trial.Response != nil) != (due > 0) {
				t.Errorf("%s: %d files are due, %d were offered", c.Load, due, trial.Offered)
			}
			files, slack := float64(trial.Bytes)/float64(c.FileBytes), float64(c.Conns) // files of which only a part came in the window
			if math.Abs(files-float64(trial.Messages)) > slack || trial.Messages == 0 || math.Abs(trial.PerSecond()*trial.Seconds-files) > 1e-6*files {
				t.Errorf("%s %s: %d files, %v by their %d bytes, %v a second in %v s", set.Plan.Name(trial.Cell), c.Load, trial.Messages, files, trial.Bytes, trial.PerSecond(), trial.Seconds)
			}
		}
		dir := o.Grid.(*StreamGrid).Dir
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%d files are left in %s: %v", len(left), dir, err)
		}
	}
}

// From before the load until after it, strace sees of each kind of call as many
// as the server counts, and of each as many as the files need.
func TestStreamAgreesWithStrace(t *testing.T) {
	testenv.Full(t)
	testenv.Need(t, "strace", testenv.Program("strace"))
	testenv.Need(t, "root", testenv.Root()) // or kernel.yama.ptrace_scope may forbid it
	const pieces = 7                        // of 16 KiB in 100,001 bytes
	for _, name := range []string{"epoll", "epoll+sendfile", "http/epoll+sendfile", "threadpool", "threadpool+sendfile", "threadpool+splice", "uring", "uring+link", "uring+splice"} {
		t.Run(name, func(t *testing.T) {
			backend, asked := strings.CutPrefix(name, "http/")
			b, err := backends.Lookup(backend)
			if err != nil {
				t.Fatal(err)
			}
			testenv.Need(t, backend, b.Probe())
			o := streamOptions(t, backend)
			if asked {
				o.Grid.(*StreamGrid).Protocols, o.Grid.(*StreamGrid).RequestsPerConn = []string{workloads.HTTP}, []int{2}
			}
			r, c := start(t, o)
			c.pool = false // read its counters at any time
			finish := attachStrace(t, c.pid)
			rest := func() (n backends.Counters) {
				eventually(t, "the server is at rest", func() bool {
					last := n
					n = counters(t, c)
					return n == last
				})
				return n
			}
			before := rest()
			startLoad(t, c)
			eventually(t, "200 files have been sent", func() bool {
				var now progress
				if err := c.client.Call(context.WithoutCancel(t.Context()), "progress", nil, &now); err != nil {
					t.Fatal(err)
				}
				return now.Answered >= 200
			})
			var report clientReport
			if err := c.client.Call(t.Context(), "stop", nil, &report); err != nil {
				t.Fatal(err)
			}
			n := rest().Sub(before)
			calls := finish()
			sent := report.Answered
			near := func(what string, got, want uint64, slack float64) {
				if math.Abs(float64(got)-float64(want)) > slack {
					t.Errorf("%s: %d and %d; strace: %v; the server: %v", what, got, want, calls, n.Map())
				}
			}
			near("bytes sent, and those of the client's files", n[backends.BytesOut], sent*uint64(r.plan.Cells[0].CountedBytes()), 0)
			waits, few := 0.02*float64(n[backends.SysSend]+n[backends.SysWait]), 10.0
			switch backend {
			case "uring", "uring+link", "uring+splice":
				near("io_uring_enter and the server's waits", calls["io_uring_enter"], n[backends.SysWait], 5+waits)
				return
			case "epoll", "threadpool":
				near("sendto and the server's sends", calls["sendto"], n[backends.SysSend], few)
				near("sendto and the pieces of the files", calls["sendto"], pieces*sent, few+float64(n[backends.Again]))
				near("pread64 and the pieces of the files", calls["pread64"], pieces*sent, few)
			case "threadpool+splice":
				near("splice and the server's", calls["splice"], n[backends.SysSplice], few)
			default:
				near("sendfile and the server's", calls["sendfile"], n[backends.SysSplice], few)
				near("sendfile and the files", calls["sendfile"], sent, few+float64(n[backends.Again]+n[backends.ShortSends]))
				near("reads and none", calls["pread64"], 0, few)
			}
			near("accept4 and the server's accepts", calls["accept4"], n[backends.SysAccept], 10)
			near("fcntl and none", calls["fcntl"], 0, few)
			if asked {
				near("sendto and the heads", calls["sendto"], sent, few)
				near("recvfrom, and requests and the ends of connections", calls["recvfrom"], sent+sent/2, few)
			}
		})
	}
}
