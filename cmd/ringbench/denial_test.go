package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

// What the kernel says to those who may not use io_uring, by a filter that
// answers in its place, and how ringbench puts it.
var refusals = []struct {
	name    string
	errno   syscall.Errno
	calls   string // of io_uring that are refused
	sysctl  string // content of kernel.io_uring_disabled; "": as it is
	user    bool   // not as root
	sayings []string
}{
	{"ENOSYS", syscall.ENOSYS, "setup,register,enter", "", false, []string{"a seccomp filter hides it", "seccomp=unconfined"}},
	{"ENOSYS of enter", syscall.ENOSYS, "enter", "", false, []string{"a seccomp filter hides it", "seccomp=unconfined"}},
	{"EPERM by seccomp", syscall.EPERM, "setup", "", false, []string{"a seccomp filter forbids io_uring", "seccomp=unconfined"}},
	{"EPERM of register", syscall.EPERM, "register", "", false, []string{"a seccomp filter forbids io_uring", "seccomp=unconfined"}},
	{"EPERM of enter", syscall.EPERM, "enter", "", false, []string{"a seccomp filter forbids io_uring", "seccomp=unconfined"}},
	{"EPERM of root at sysctl 1", syscall.EPERM, "setup", "1", false, []string{"a seccomp filter forbids io_uring", "seccomp=unconfined"}},
	{"EPERM by sysctl 1", syscall.EPERM, "setup", "1", true, []string{"kernel.io_uring_disabled is 1: only root", "sysctl -w kernel.io_uring_disabled=0"}},
	{"EPERM by sysctl 2", syscall.EPERM, "setup", "2", false, []string{"kernel.io_uring_disabled is 2: nobody", "sysctl -w kernel.io_uring_disabled=0"}},
	{"ENOMEM", syscall.ENOMEM, "setup", "", false, []string{"limit of locked memory", "ulimit -l"}},
	{"EACCES", syscall.EACCES, "setup", "", false, []string{"a security policy forbids io_uring", "audit log"}},
	{"EMFILE", syscall.EMFILE, "setup", "", false, []string{"no file descriptor left", "ulimit -n"}},
}

func TestNoRing(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			limits := []string{fmt.Sprintf("-errno=%d", c.errno), "-calls=" + c.calls}
			if c.sysctl != "" {
				testenv.Need(t, "root", testenv.Root())
				file := filepath.Join(t.TempDir(), "sysctl")
				if err := os.WriteFile(file, []byte(c.sysctl+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				limits = append(limits, "-sysctl="+file)
			}
			if c.user {
				limits = append(limits, "-uid=65534", "-exe="+public(t))
			}
			says := append([]string{"backend uring is not available here: "}, c.sayings...)
			confined(t, limits, "echo", "--backend=uring,epoll").start().wait(exitUsage).says(says...)
			confined(t, limits, "serve", "echo", "--backend=uring").start().wait(exitUsage).says(says...)
			confined(t, limits, "echo", "--client=uring").start().wait(exitUsage).says(append(says, "--client: ")...)
		})
	}
}

// Asked for whatever is available, ringbench runs the rest and says what it left out.
func TestNoRingAmongAll(t *testing.T) {
	for errno, why := range map[syscall.Errno]string{syscall.EPERM: "a seccomp filter forbids io_uring", syscall.ENOSYS: "a seccomp filter hides it"} {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			args := shortEcho("--backend=all", "-o", "r.json", "--rate=1000", "--placement=shared")
			r := confined(t, []string{fmt.Sprintf("-errno=%d", errno)}, args...).start().wait(exitOK, "r.json")
			r.prints("epoll", "threadpool", "net", "left out: backend uring is not available here: ", why, "seccomp=unconfined")
			set := r.result("r.json")
			var got []string
			for _, c := range set.Plan.Cells {
				got = append(got, c.Contestant)
			}
			if s := strings.Join(got, ","); s != "epoll,threadpool,net" {
				t.Errorf("contestants %s", s)
			}
			if len(set.Trials) != 3 || len(set.Void()) != 0 {
				t.Errorf("%d trials, %d void", len(set.Trials), len(set.Void()))
			}
			if l := set.Plan.LeftOut; len(l) != 1 || l[0].Contestant != "uring" || !strings.Contains(l[0].Why, why) {
				t.Errorf("left out: %q", l)
			}
			r.prints("load generator: epoll", "warning: the load generator is epoll, not the cheapest: uring is left out")
			if set.Plan.Client != "epoll" {
				t.Errorf("load generator %s", set.Plan.Client)
			}
		})
	}
}

// A limit of locked memory, without CAP_IPC_LOCK, is a refusal before anything
// runs: also where a small ring can be had and those of the run cannot.
func TestLockedMemory(t *testing.T) {
	testenv.Need(t, "root", testenv.Root()) // to become a user without the capability
	exe := public(t)
	user := fmt.Sprintf("-uid=%d", 60_000+os.Getpid()%5_000) // all of a user's processes are charged together
	as := func(limit int, more ...string) []string {
		return append([]string{user, fmt.Sprintf("-memlock=%d", limit), "-exe=" + exe}, more...)
	}
	open := func(r *run) *run {
		for _, d := range []string{r.dir, r.tmp} {
			if err := os.Chmod(d, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		return r.start()
	}
	oracle := open(confined(t, as(0, "-try-ring")))
	_ = oracle.cmd.Wait()
	if !strings.Contains(oracle.stderr.String(), syscall.ENOMEM.Error()) {
		testenv.Need(t, "memlock", fmt.Errorf("this kernel charges no rings to the limit: %s", &oracle.stderr))
	}
	says := []string{"backend uring is not available here: ", "limit of locked memory", "ulimit -l"}
	for _, limit := range []int{0, 128 << 10} { // no ring, no ring of the loop's size
		open(confined(t, as(limit), "serve", "echo", "--backend=uring", "--listen=127.0.0.1:0")).wait(exitUsage).says(says...)
		open(confined(t, as(limit), "echo", "--backend=uring,epoll", "--conns=4")).wait(exitUsage).says(says...)
	}
	open(confined(t, as(64<<10), "echo", "--client=uring", "--backend=epoll")).wait(exitUsage).says(append(says, "--client: ")...)
	open(confined(t, as(64<<10), shortEcho("--rate=1000", "--placement=shared")...)).wait(exitOK).
		prints("epoll", "threadpool", "net", "left out: backend uring is not available here", "ulimit -l", "load generator: epoll")
	// Root has the capability.
	confined(t, []string{"-memlock=0"}, shortEcho("--backend=uring", "--rate=1000", "--placement=shared")...).start().wait(exitOK).prints("uring")
}

// The doctor sees the same denials.
func TestDoctorDenied(t *testing.T) {
	t.Parallel()
	r := confined(t, []string{fmt.Sprintf("-errno=%d", syscall.EPERM), "-nofile-soft=100", "-nofile-hard=1000"}, "doctor").start().wait(exitFailed)
	r.says("this machine is not as it should be to measure on: ", " warnings, ")
	r.prints("io_uring warning a seccomp filter forbids io_uring", "seccomp warning 1 filter runs at every system call", "open files warning hard limit 1000 enough for 934")
}
