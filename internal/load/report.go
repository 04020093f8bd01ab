package load

import (
	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// Report is what a run yielded. Counts and histograms cover messages whose
// answer was complete within the window.
type Report struct {
	Messages uint64            `json:"messages"`
	Offered  uint64            `json:"offered,omitempty"`  // open loop: messages that were due within the window
	Bytes    uint64            `json:"bytes"`              // verified, by either side; of files also those of which not all came within the window
	Service  result.Histogram  `json:"service"`            // from the send
	Response *result.Histogram `json:"response,omitempty"` // open loop: from when it was due
	SendLag  *result.Histogram `json:"send_lag,omitempty"` // open loop: from when it was due to the send
	// FirstAnswer is from the start of the load, a value a connection that asked;
	// of the Unserved, which never were answered, how long they had waited.
	FirstAnswer result.Histogram `json:"first_answer"`
	Unserved    int              `json:"unserved"`
	Clipped     uint64           `json:"clipped"`  // values of the histograms above that were greater than they can hold
	Sent        uint64           `json:"sent"`     // whole run; of files, those too that the end of the load cut short
	Answered    uint64           `json:"answered"` // whole run
	// Lost are datagrams that were not answered within LossAfter, and Late the
	// answers that came after that or a second time, in the whole run. Sent is
	// Answered and Lost together.
	Lost uint64 `json:"lost,omitempty"`
	Late uint64 `json:"late,omitempty"`
	// Series is what came over time, in messages, or of files in bytes.
	Series result.Series `json:"series"`
	// SpinSeconds is how long an open loop polled in vain, within the window,
	// because a message was soon due: CPU that is no cost of a message. It is
	// wall time, for a worker that spins has a CPU of its own.
	SpinSeconds float64           `json:"spin_seconds"`
	Counters    backends.Counters `json:"counters"` // of the generator's own loops, whole run
}

// report adds what this worker saw; run has returned, and now is when.
func (k *worker) report(r *Report) {
	r.Messages += k.messages
	r.Offered += k.offered
	if r.Bytes += k.bytes; k.g.cfg.FileBytes == 0 && len(k.g.cfg.Shares) == 0 {
		r.Bytes += k.messages * k.g.cfg.unitBytes()
	}
	r.Service.Merge(k.service.Histogram)
	if r.Response != nil {
		r.Response.Merge(k.response.Histogram)
		r.SendLag.Merge(k.lag.Histogram)
	}
	k.series.AddTo(&r.Series)
	r.Sent += k.sent
	r.Answered += k.answered
	r.Lost += k.lost
	r.Late += k.late
	r.Counters.Add(k.counters)
	for _, c := range k.conns {
		switch {
		case c.firstAnswer > 0:
			k.record(r.FirstAnswer, c.firstAnswer)
		case c.pending > 0: // else it never asked: an open loop may be that slow
			r.Unserved++
			k.record(r.FirstAnswer, k.now-k.window.Start)
		}
	}
	r.Clipped += k.clipped
	r.SpinSeconds += float64(k.spun) / 1e9
}
