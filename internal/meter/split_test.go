package meter

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
)

var long = flag.Bool("long", false, "hold what is sampled to its error, ten times, on a machine that is left alone")

// A split is how long a thread was in user space and in the kernel, by its own CPU
// clock at each passage from one to the other, in ms.
type split struct{ User, Kernel float64 }

// splitRole spends about as long as it is asked in each, in turn.
func splitRole(in json.RawMessage) (any, error) {
	var asked, spent split
	if err := json.Unmarshal(in, &asked); err != nil {
		return nil, err
	}
	zero, err := os.Open("/dev/zero")
	if err != nil {
		return nil, err
	}
	defer zero.Close()
	page := make([]byte, 4<<20)
	if _, err := zero.Read(page); err != nil { // it has its pages
		return nil, err
	}
	const turns = 5
	for range turns {
		for _, part := range []struct {
			ms    float64
			f     func() error
			spent *float64
		}{
			{asked.User, spin, &spent.User},
			{asked.Kernel, func() error { _, err := zero.Read(page); return err }, &spent.Kernel}, // which the kernel clears
		} {
			begin := threadCPU()
			if err := burn(int(part.ms/turns), part.f); err != nil {
				return nil, err
			}
			*part.spent += (threadCPU() - begin).Seconds() * 1000
		}
	}
	return spent, nil
}

// The share that the tick has sampled is, within the error that is given with it,
// that of a program which reads its clock whenever it enters the kernel and leaves
// it. Softirqs of others may be charged to it, whatever it does at that moment.
func TestSplitIsWhatTheProgramSpent(t *testing.T) {
	total, errors, slack, shares := 200.0, 4.0, 0.1, []float64{0.6}
	if *long {
		total, errors, slack, shares = 3000, 3, 0, []float64{0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 0.98}
	}
	p := worker(t)
	for _, share := range shares {
		var seen []string
		ok := false
		for try := 0; !ok && try < 5 && (try == 0 || !*long); try++ { // one must find the machine calm
			r, m, want := sampledSplit(t, p, split{share * total, (1 - share) * total})
			softirqs := m.SoftirqSeconds / m.BusySeconds
			seen = append(seen, fmt.Sprintf("%.4f ± %.4f where the program spent %.4f and softirqs were %.4f of the machine's time", r.UserShare, r.UserShareError, want, softirqs))
			ok = math.Abs(r.UserShare-want) <= errors*r.UserShareError+softirqs+slack
		}
		if t.Log(seen); !ok {
			t.Errorf("the user share is off by more than %g standard errors: %v", errors, seen)
		}
	}
}

// sampledSplit also returns the user share that the program knows.
func sampledSplit(t *testing.T, p *child.Proc, ask split) (result.Process, result.Machine, float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	a := begin(t, p.PID())
	var spent split
	if err := p.Call(ctx, "split", ask, &spent); err != nil {
		t.Fatal(err)
	}
	b, err := a.End()
	if err != nil {
		t.Fatal(err)
	}
	procs, machine := b.Since(a)
	return procs[0], machine, spent.User / (spent.User + spent.Kernel)
}
