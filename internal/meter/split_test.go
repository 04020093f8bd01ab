package meter

import (
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// A splitter is testdata/split.c.
type splitter struct {
	pid int
	in  io.Writer
	out io.Reader
}

func startSplitter(t *testing.T) splitter {
	t.Helper()
	testenv.Need(t, "cc", testenv.Program("cc"))
	bin := filepath.Join(t.TempDir(), "split")
	if out, err := exec.Command("cc", "-O2", "-o", bin, "testdata/split.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(bin)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return splitter{cmd.Process.Pid, in, out}
}

// The share that the tick has sampled is, within the error that is given with it,
// that of a program which reads its clock whenever it enters the kernel and leaves
// it. Softirqs of others may be charged to it, whatever it does at that moment.
func TestSplitIsWhatTheProgramSpent(t *testing.T) {
	total, errors, slack, shares := 200.0, 4.0, 0.1, []float64{0.6}
	if testenv.IsLong() {
		total, errors, slack, shares = 3000, 3, 0, []float64{0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 0.98}
	}
	p := startSplitter(t)
	for _, share := range shares {
		var seen []string
		ok := false
		for try := 0; !ok && try < 5 && (try == 0 || !testenv.IsLong()); try++ { // one must find the machine calm
			r, m, want := p.sampled(t, share*total, (1-share)*total)
			softirqs := m.SoftirqSeconds / m.BusySeconds
			seen = append(seen, fmt.Sprintf("%.4f ± %.4f where the program spent %.4f and softirqs were %.4f of the machine's time", r.UserShare, r.UserShareError, want, softirqs))
			ok = math.Abs(r.UserShare-want) <= errors*r.UserShareError+softirqs+slack
		}
		if t.Log(seen); !ok {
			t.Errorf("the user share is off by more than %g standard errors: %v", errors, seen)
		}
	}
}

// sampled is what is sampled while the program spends so many milliseconds in each,
// and the user share that it knows.
func (s splitter) sampled(t *testing.T, user, kernel float64) (result.Process, result.Machine, float64) {
	t.Helper()
	a := begin(t, s.pid)
	fmt.Fprintln(s.in, user, kernel)
	if _, err := fmt.Fscan(s.out, &user, &kernel); err != nil {
		t.Fatal(err)
	}
	b, err := a.End()
	if err != nil {
		t.Fatal(err)
	}
	procs, machine := b.Since(a)
	return procs[0], machine, user / (user + kernel)
}
