package meter

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/testenv"
	"golang.org/x/sys/unix"
)

func trace(t *testing.T, pid int) *SyscallTrace {
	t.Helper()
	tr, err := TraceSyscalls(pid)
	testenv.Need(t, "root", err)
	t.Cleanup(tr.Close)
	return tr
}

func count(t *testing.T, tr *SyscallTrace) uint64 {
	t.Helper()
	n, err := tr.Count()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTraceCountsKnownCalls(t *testing.T) {
	p := worker(t)
	tr := trace(t, p.PID())
	do(t, p, "getppid", 1000)
	if n := count(t, tr); n != 0 {
		t.Errorf("%d calls counted before Enable", n)
	}
	if err := tr.Enable(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		job     string
		n, want uint64
	}{{"nothing", 0, 0}, {"getppid", 100_000, 100_000}, {"threads", 10_000, 40_000}} {
		before, began := count(t, tr), time.Now()
		do(t, p, c.job, int(c.n))
		got := count(t, tr) - before
		t.Logf("%s %d: %d", c.job, c.n, got)
		// Calls that taking a request and replying may cost, and those that the
		// runtime makes in the time that it took.
		overhead := 300 + uint64(800*time.Since(began).Seconds())
		if got < c.want || got > c.want+overhead {
			t.Errorf("%s %d: counted %d calls, it made %d and a few", c.job, c.n, got, c.want)
		}
	}
	if err := p.Stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if n := count(t, tr); n < 140_000 {
		t.Errorf("%d calls counted after its end", n)
	}
}

// The same program under strace and under the tracepoint.
func TestTraceAgreesWithStrace(t *testing.T) {
	testenv.Need(t, "root", testenv.Root())
	testenv.Need(t, "strace", testenv.Program("strace"))
	const dd = "exec dd if=/dev/zero of=/dev/null bs=1 count=10000 status=none"
	out, err := exec.Command("strace", "-f", "-c", "sh", "-c", dd).CombinedOutput()
	if err != nil {
		t.Fatalf("strace: %v: %s", err, out)
	}
	var want int
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) >= 4 && f[len(f)-1] == "total" {
			want, _ = strconv.Atoi(f[3])
		}
	}
	if want < 20_000 {
		t.Fatalf("strace counted %d calls:\n%s", want, out)
	}

	p, err := child.Start(child.Spec{Command: []string{"sh", "-c", "kill -STOP $$; " + dd}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop(0)
	stopped := regexp.MustCompile(`^T`)
	for {
		if stat, err := statFields("/proc/" + strconv.Itoa(p.PID()) + "/stat"); err != nil {
			t.Fatal(err)
		} else if stopped.MatchString(stat[3]) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	tr := trace(t, p.PID())
	if err := tr.Enable(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(p.PID(), unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if e := p.Exit(); !e.OK {
		t.Fatalf("dd: %s: %s", e.Status, e.Stderr)
	}
	// The shell's own start is not in the trace.
	t.Logf("tracepoint %d, strace %d", count(t, tr), want)
	if got := int(count(t, tr)); got < want-200 || got > want+20 {
		t.Errorf("tracepoint counted %d calls, strace %d", got, want)
	}
}
