package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// TestFio runs fio on the same file beside ours, in turn: its io_uring engine
// beside uring and its psync beside the thread pool. It prints the ratios and
// judges none; fio must have read without an error, and all of ours be verified.
//
//	go test ./internal/bench -run TestFio -v                 one round, to see that both work
//	go test ./internal/bench -run TestFio -v -long           five rounds of every load
func TestFio(t *testing.T) {
	beyondDefault(t)
	testenv.Need(t, "fio", testenv.Program("fio"))
	rounds, sizes, depths := 1, []int{4096}, []int{8}
	directs := []bool{false}
	if *long {
		rounds, sizes, depths, directs = 5, []int{4096, 65536}, []int{1, 32}, []bool{false, true}
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
	for _, direct := range directs {
		o := readOptions(t, ReadGrid{File: path, Sizes: sizes, Depths: depths, Direct: direct}, "uring", "threadpool")
		loads, err := o.Grid.Loads()
		if err != nil {
			testenv.Need(t, "disk", err)
		}
		for _, l := range loads {
			compareFio(t, l, rounds)
		}
	}
}

// A pace is what one program did: reads a second, and CPU of each in ns.
type pace struct{ rate, cpu float64 }

func compareFio(t *testing.T, l result.Load, rounds int) {
	for engine, backend := range map[string]string{"io_uring": "uring", "psync": "threadpool"} {
		o := readOptions(t, ReadGrid{File: l.File, Sizes: []int{l.Size}, Depths: []int{l.Depth}, Direct: l.Direct}, backend)
		if *long {
			o.Duration, o.Warmup = time.Second, 200*time.Millisecond
		}
		p := planOf(t, o)
		var rate, cpu float64 // sums of logarithms
		for range rounds {
			theirs := fio(t, engine, l, p.ServerCPUs)
			set := mustRun(t, o)
			trial := &set.Trials[0]
			ours := pace{trial.PerSecond(), trial.ServerCPUPerMessage()}
			for _, x := range []pace{ours, theirs} {
				if !(x.rate > 0 && x.cpu > 0 && x.cpu < 1e9) {
					t.Errorf("%s, %s: ours %+v, fio's %+v", backend, l, ours, theirs)
				}
			}
			rate += math.Log(ours.rate/theirs.rate) / float64(rounds)
			cpu += math.Log(ours.cpu/theirs.cpu) / float64(rounds)
		}
		t.Logf("%s / fio %s, %s: %.3f of its reads a second, %.3f of its CPU a read (geometric mean of %d)", backend, engine, l, math.Exp(rate), math.Exp(cpu), rounds)
	}
}

// fio reads for 300 ms on the CPUs given.
func fio(t *testing.T, engine string, l result.Load, cpus []int) pace {
	t.Helper()
	args := []string{
		"--name=x", "--filename=" + l.File, "--readonly", "--rw=randread", "--time_based", "--runtime=300ms", "--invalidate=0",
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
	out, err := exec.Command("fio", args...).Output()
	if err != nil {
		t.Fatalf("fio %q: %v\n%s", args, err, out)
	}
	var report struct {
		Jobs []struct {
			Error int
			User  float64 `json:"usr_cpu"` // percent of the jobs' time
			Sys   float64 `json:"sys_cpu"`
			Time  float64 `json:"job_runtime"` // ms, over all jobs
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
	return pace{j.Read.IOPS, (j.User + j.Sys) / 100 * j.Time * 1e6 / j.Read.Total}
}
