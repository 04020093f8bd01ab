package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/internal/testenv"
)

// TestFio runs fio on the same file beside ours, in turn: its io_uring engine
// beside uring and its psync, with as many jobs, beside the thread pool. It prints
// the ratios and judges none; fio must have read without an error, and all of ours be
// verified.
//
//	go test ./internal/bench -run TestFio -v                 one round, to see that both work
//	go test ./internal/bench -run TestFio -v -long           ten rounds of every load, in some nine minutes
func TestFio(t *testing.T) {
	testenv.Full(t)
	testenv.Need(t, "fio", testenv.Program("fio"))
	rounds, grids := 1, []ReadGrid{{Depths: []int{8}}}
	if testenv.IsLong() {
		rounds = 10
		grids = []ReadGrid{{Sizes: []int{4096, 65536}, Depths: []int{1, 32}}, {Depths: []int{1, 8, 32, 128}, Direct: true}}
	}
	path := filepath.Join(t.TempDir(), "file")
	const bytes = 64 << 20
	block := make([]byte, bytes)
	for i := range block {
		block[i] = byte(i * 7 >> 2)
	}
	if err := os.WriteFile(path, block, 0o600); err != nil {
		t.Fatal(err)
	}
	table := tabwriter.NewWriter(t.Output(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ours / fio's\tload\treads a second\tCPU a read\t")
	for _, g := range grids {
		g.File = path
		loads, err := readOptions(t, g, "uring", "threadpool").Grid.Loads()
		if err != nil {
			testenv.Need(t, "disk", err)
		}
		for _, l := range loads {
			for _, c := range [][2]string{{"uring", "io_uring"}, {"threadpool", "psync"}} {
				rate, cpu := compareFio(t, c[0], c[1], l, rounds)
				fmt.Fprintf(table, "%s / %s\t%s\t%s\t%s\t\n", c[0], c[1], l, ratio(rate), ratio(cpu))
			}
		}
	}
	table.Flush()
}

// ratio is a ratio with its interval over the rounds.
func ratio(e stat.Effect) string {
	if !e.Known() {
		return fmt.Sprintf("%.3f", e.Center)
	}
	return fmt.Sprintf("%.3f (%.3f to %.3f)", e.Center, e.Lo, e.Hi)
}

// A pace is what one program did: reads a second, and CPU of each in ns.
type pace struct{ rate, cpu float64 }

func compareFio(t *testing.T, backend, engine string, l result.Load, rounds int) (rate, cpu stat.Effect) {
	o := readOptions(t, ReadGrid{File: l.File, Sizes: []int{l.Size}, Depths: []int{l.Depth}, Direct: l.Direct}, backend)
	if testenv.IsLong() {
		o.Duration, o.Warmup = time.Second, 200*time.Millisecond
	}
	p := planOf(t, o)
	var rates, cpus [][2]float64
	for i := range rounds {
		var ours, theirs pace
		turns := []func(){
			func() { theirs = fio(t, engine, l, p.ServerCPUs) },
			func() {
				trial := &busyRun(t, o).Trials[0]
				ours = pace{trial.PerSecond(), trial.ServerCPUPerMessage()}
			},
		}
		turns[i%2]()
		turns[1-i%2]()
		for _, x := range []pace{ours, theirs} {
			if !(x.rate > 0 && x.cpu > 0 && x.cpu < 1e9) {
				t.Errorf("%s, %s: ours %+v, fio's %+v", backend, l, ours, theirs)
			}
		}
		rates, cpus = append(rates, [2]float64{ours.rate, theirs.rate}), append(cpus, [2]float64{ours.cpu, theirs.cpu})
	}
	return stat.Compare(rates), stat.Compare(cpus)
}

// fio reads for 300 ms, or with -long as long as ours, on the CPUs given.
func fio(t *testing.T, engine string, l result.Load, cpus []int) pace {
	t.Helper()
	runtime := "300ms"
	if testenv.IsLong() {
		runtime = "1s"
	}
	args := []string{
		// Of several requests fio's buffers lie 16 bytes into a page, where 64 KiB from
		// the page cache took four times as long; ours, and those of one request, do not.
		"--iomem_align=4096",
		"--name=x", "--filename=" + l.File, "--readonly", "--rw=randread", "--invalidate=0",
		"--ioengine=" + engine, "--bs=" + strconv.Itoa(l.Size), "--cpus_allowed=" + child.List(cpus), "--output-format=json", "--group_reporting",
	}
	if l.Direct {
		args = append(args, "--direct=1")
	}
	if engine == "psync" {
		args = append(args, "--thread", "--numjobs="+strconv.Itoa(l.Depth))
	} else {
		args = append(args, "--iodepth="+strconv.Itoa(l.Depth))
	}
	start, _, none := runFio(t, append(args, "--io_size="+strconv.Itoa(l.Size))) // a read of each job
	cpu, rate, reads := runFio(t, append(args, "--time_based", "--runtime="+runtime))
	return pace{rate, (cpu - start) / (reads - none)}
}

// runFio is what fio took, by the kernel's account of the process in ns: its own is of
// whole milliseconds of each job, user and kernel, of which 128 jobs lost 8 % in a second.
func runFio(t *testing.T, args []string) (cpu, rate, reads float64) {
	t.Helper()
	c := exec.Command("fio", args...)
	out, err := c.Output()
	if err != nil {
		t.Fatalf("fio %q: %v\n%s", args, err, out)
	}
	var report struct {
		Jobs []struct {
			Error int
			Read  struct {
				IOPS  float64
				Total float64 `json:"total_ios"`
				Short float64 `json:"short_ios"`
			}
		}
	}
	if err := json.Unmarshal(out, &report); err != nil || len(report.Jobs) != 1 {
		t.Fatalf("fio printed %s: %v", out, err)
	}
	j := report.Jobs[0]
	if j.Error != 0 || j.Read.Short != 0 {
		t.Error(fmt.Errorf("fio: error %d, %v short reads", j.Error, j.Read.Short))
	}
	return float64(c.ProcessState.UserTime() + c.ProcessState.SystemTime()), j.Read.IOPS, j.Read.Total
}
