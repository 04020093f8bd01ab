package doctor

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/meter"
)

// Of this very machine the report says what system calls say, too.
func TestThisMachine(t *testing.T) {
	begin := time.Now()
	r := Examine(Subject{
		Files: meter.Root(), Arch: runtime.GOARCH, TempDir: t.TempDir(), Ring: errors.New("not tried"), Trace: errors.New("not tried"),
		Grouping: child.Grouping(), Span: 300 * time.Millisecond, Wait: time.Sleep,
	})
	if d := time.Since(begin); d < 300*time.Millisecond {
		t.Errorf("observed for %v only", d)
	}
	says := func(check string, parts ...string) {
		t.Helper()
		c := r.check(t, check)
		for _, p := range parts {
			if !strings.Contains(c.Found, p) {
				t.Errorf("%s: %q does not say %q", check, c.Found, p)
			}
		}
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	says("kernel", "Linux "+unix.ByteSliceToString(u.Release[:])+" "+runtime.GOARCH)
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	says("CPUs", ", "+strconv.Itoa(set.Count())+" of them")
	var files, locked unix.Rlimit
	if err := errors.Join(unix.Getrlimit(unix.RLIMIT_NOFILE, &files), unix.Getrlimit(unix.RLIMIT_MEMLOCK, &locked)); err != nil {
		t.Fatal(err)
	}
	says("open files", "hard limit "+strconv.FormatUint(files.Max, 10))
	amount := "unlimited"
	if locked.Cur != unix.RLIM_INFINITY {
		amount = inBytes(strconv.FormatUint(locked.Cur, 10))
	}
	says("locked memory", "limit "+amount)
	mode, err := unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0)
	if want := map[int]Status{0: OK, 2: Warning}[mode]; err != nil || r.check(t, "seccomp").Status != want {
		t.Errorf("seccomp: %v, mode %d (%v)", r.check(t, "seccomp"), mode, err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &fs); err != nil {
		t.Fatal(err)
	}
	if kind := map[int64]string{unix.TMPFS_MAGIC: "tmpfs", unix.EXT4_SUPER_MAGIC: "ext", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay"}[int64(fs.Type)]; kind != "" {
		says("temporary files", " is on "+kind)
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	says("memory", "of "+inGiB(int(uint64(info.Totalram)*uint64(info.Unit))))
}

// What another process uses is seen and named.
func TestBusyNeighbour(t *testing.T) {
	p, err := os.StartProcess("/bin/sh", []string{"spinner", "-c", "while :; do :; done"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Wait()
	defer p.Kill()
	m := &machine{Subject: Subject{Files: meter.Root(), Span: time.Second}}
	id := strconv.Itoa(p.Pid)
	seen := func() error {
		m.before = m.observe()
		time.Sleep(500 * time.Millisecond)
		m.after = m.observe()
		used := m.after.processes[id].ticks - m.before.processes[id].ticks
		if used == 0 {
			return errors.New("a process that spins has no CPU time")
		}
		if told, _ := between(m.before.cpu, m.after.cpu); told.busy+3 < used {
			return fmt.Errorf("%d ticks of the machine, %d of one process", told.busy, used)
		}
		busiest, _ := m.busiest()
		if most := m.after.processes[busiest].ticks - m.before.processes[busiest].ticks; most < used {
			return fmt.Errorf("process %s is the busiest with %d ticks, and %s used %d", busiest, most, id, used)
		}
		return nil
	}
	// It may have to wait for a CPU, and the figures are read apart.
	err = seen()
	for end := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(end); err = seen() {
	}
	if err != nil {
		t.Error(err)
	}
}
