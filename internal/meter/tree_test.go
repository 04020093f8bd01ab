package meter

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// A burner is a process that a worker starts: it uses as many milliseconds of
// CPU as it reads, or makes as many system calls as that is below zero, and
// answers how much CPU it has used in all, in nanoseconds.
func burner() {
	var ms int
	for {
		if _, err := fmt.Scan(&ms); err != nil {
			os.Exit(0)
		}
		_ = burn(ms, spin)
		getppid(max(0, -ms))
		fmt.Println(int64(readOwn().CPUSeconds * 1e9))
	}
}

type burnerPipe struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

var burners []burnerPipe

func startBurners(n int) (o own, err error) {
	for range n {
		cmd := exec.Command("/proc/self/exe", "burner")
		in, _ := cmd.StdinPipe()
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			return o, err
		}
		burners = append(burners, burnerPipe{cmd, in, bufio.NewReader(out)})
	}
	return burnAll(0) // they are up
}

// burnAll has each use so many milliseconds, and tells what all have used.
func burnAll(ms int) (sum own, err error) {
	for _, b := range burners {
		var used int64
		fmt.Fprintln(b.in, ms)
		if _, err := fmt.Fscanln(b.out, &used); err != nil {
			return sum, err
		}
		sum.CPUSeconds += float64(used) / 1e9
	}
	return sum, nil
}

// endBurner ends and reaps the last one.
func endBurner(int) (o own, err error) {
	last := burners[len(burners)-1]
	burners = burners[:len(burners)-1]
	last.in.Close()
	return o, last.cmd.Wait()
}

func readTree(t *testing.T, root int) Tree {
	t.Helper()
	tree, err := ReadTree(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// lasting makes a reading one of a single moment, so that it does not matter
// how long it took.
func (t Tree) lasting(at time.Time) Tree {
	t.at = at
	for pid, p := range t.procs {
		p.clocks.at, p.state.at = at, at
		t.procs[pid] = p
	}
	return t
}

// What descendants use counts, also of one that comes in the window; one that
// ends in it is missing, and that is told.
func TestTree(t *testing.T) {
	p := worker(t)
	start := time.Now()
	end := start.Add(time.Second)
	root := result.Process{CPUSeconds: 1, UserShare: 0.5, Seconds: 1, ThreadSeconds: 1, Threads: 1, PeakRSS: 1}
	before := do(t, p, "start", 2)
	a := readTree(t, p.PID()).lasting(start)
	do(t, p, "start", 1)
	after := do(t, p, "burn", 60)
	b := readTree(t, p.PID()).lasting(end)

	sum := b.Since(a, root)
	used := after.CPUSeconds - before.CPUSeconds
	if got := sum.CPUSeconds - root.CPUSeconds; got < used-slack || got > used+3*slack || used < 0.18 {
		t.Errorf("%.4f s of CPU beside the root's, and the descendants say %.4f", got, used)
	}
	if want := (root.CPUSeconds*0.5 + used) / (root.CPUSeconds + used); sum.UserShare > want+0.02 || sum.UserShare < 0.45 {
		t.Errorf("user share %.2f: half of the root's and at most all of the others' is %.2f", sum.UserShare, want)
	}
	if sum.Processes != 4 || sum.ProcessesEnded != 0 || sum.Threads < 4 || sum.PeakRSS < 3<<20 || sum.Voluntary < 3 {
		t.Errorf("%+v", sum)
	}

	do(t, p, "end", 0) // one that was there at the beginning
	if sum := readTree(t, p.PID()).lasting(end).Since(b, root); sum.Processes != 3 || sum.ProcessesEnded != 1 {
		t.Errorf("one has ended: %+v", sum)
	}

	a = readTree(t, p.PID()).lasting(start)
	do(t, p, "start", 1)
	do(t, p, "burn", 60)
	do(t, p, "end", 0) // one that came and went
	if sum := readTree(t, p.PID()).lasting(end).Since(a, root); sum.Processes != 3 || sum.ProcessesEnded != 1 {
		t.Errorf("one has come and ended: %+v", sum)
	}
}

// A process that has lost its parent is still its session's.
func TestDescendantsWithoutParent(t *testing.T) {
	p, err := child.Start(child.Spec{Command: []string{"sh", "-c", "(sleep 60 &); sleep 61; exit"}, Session: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop(0)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		pids, err := Descendants(p.PID())
		if err != nil {
			t.Fatal(err)
		}
		var cmds []string
		for _, pid := range pids {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			cmds = append(cmds, string(b))
		}
		slices.Sort(cmds)
		if slices.Equal(cmds, []string{"sleep\x0060\x00", "sleep\x0061\x00"}) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the descendants are %q", cmds)
		}
	}
}

// Every descendant's system calls count, those of one that comes later too.
func TestTraceTree(t *testing.T) {
	p := worker(t)
	do(t, p, "start", 2)
	tr, err := TraceTree(p.PID())
	testenv.Need(t, "root", err)
	defer tr.Close()
	if err := tr.Enable(); err != nil {
		t.Fatal(err)
	}
	before := count(t, tr)
	do(t, p, "burn", -1000)
	if got := count(t, tr) - before; got < 2000 || got > 2600 {
		t.Errorf("%d system calls, and two processes made 1,000 each", got)
	}
	do(t, p, "start", 1)
	before = count(t, tr)
	do(t, p, "burn", -1000)
	if got := count(t, tr) - before; got < 3000 || got > 3900 {
		t.Errorf("%d system calls, and three processes made 1,000 each", got)
	}
}
