package workloads_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/workloads"
)

// paceReads runs a load with a rate that is recorded for so long, all of it, and ends
// it when so many operations have ended.
func paceReads(t *testing.T, cfg workloads.ReadConfig, length time.Duration, n float64) *load.Report {
	t.Helper()
	r, err := workloads.StartReads(cfg)
	if err != nil {
		t.Fatal(err)
	}
	now := load.Monotonic()
	r.Start(load.Window{Start: now, Open: now, Close: now + int64(length)})
	awaitProgress(t, r, n)
	report, err := r.Stop()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	return report
}

// With a rate that every backend can keep, what is due in the window is offered,
// to the operation: all of it is read by the time that the first one beyond the
// window is, and nobody spins until then.
func TestReadsAtARate(t *testing.T) {
	const rate, want = 1000, 100
	for _, backend := range append([]string{"null"}, families...) {
		for _, arrivals := range []load.Arrivals{load.Constant, load.Poisson} {
			t.Run(fmt.Sprintf("%s/%s", backend, arrivals), func(t *testing.T) {
				cfg := fileLoad(t, backend, workloads.OpRead, 4096)
				cfg.Depth, cfg.Loops, cfg.Rate, cfg.Arrivals = 4, 1, rate, arrivals
				report := paceReads(t, cfg, want*time.Second/rate, want+20)
				offered := uint64(want)
				if arrivals == load.Poisson {
					p := load.NewPacer(load.Window{}, rate, arrivals, cfg.Seed, 0, 1)
					for offered = 0; p.At(int64(offered)) < want*1e9/rate; {
						offered++
					}
				}
				if report.Offered != offered || report.Answered < offered {
					t.Errorf("%d were due, %d count as offered and %d ended", offered, report.Offered, report.Answered)
				}
				if n := report.SendLag.TotalCount(); n > int64(offered) || report.Response.TotalCount() != int64(report.Messages) {
					t.Errorf("%d lags, %d response times of %d reads in the window", n, report.Response.TotalCount(), report.Messages)
				}
				// A wait for each to be due and one for it to end; who is late for
				// one has more to do at once.
				if calls := report.Counters[backends.SysWait]; calls > 3*report.Sent+20 {
					t.Errorf("%d waits for %d reads", calls, report.Sent)
				}
			})
		}
	}
}

// While all depth is in flight what is due waits, and its wait counts in the
// response time, and in how late it was started, but not in the service time.
func TestReadsThatCannotKeepUp(t *testing.T) {
	for _, backend := range append([]string{"null"}, families...) {
		t.Run(backend, func(t *testing.T) {
			cfg := fileLoad(t, backend, workloads.OpWrite, 4096)
			cfg.Depth, cfg.Loops, cfg.Rate = 4, 2, 1e6
			const n = 400
			began := time.Now()
			report := paceReads(t, cfg, time.Hour, n)
			took := float64(time.Since(began))
			service, lag, response := report.Service.Mean(), report.SendLag.Mean(), report.Response.Mean()
			if math.Abs((service+lag)/response-1) > 0.01 || report.Offered < report.Sent {
				t.Errorf("%d of %d: the mean response took %v ns, its parts %v and %v", report.Sent, report.Offered, response, lag, service)
			}
			if in := service * float64(report.Sent) / took; in > float64(cfg.Depth) {
				t.Errorf("%v operations were in flight in the mean, of at most %d", in, cfg.Depth)
			}
		})
	}
}
