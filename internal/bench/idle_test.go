package bench

import (
	"os"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// Every backend holds idle connections while it serves others, and what they take
// is known. A thread a connection takes more than a loop's share of one: two
// pages of stack at least, for the kernel and for itself.
func TestIdleConnections(t *testing.T) {
	idle := 1000
	if testenv.IsLong() {
		idle = 10_000
	}
	// Two sockets of TCP alone are 4 KiB.
	sane := func(kernel int64) bool { return kernel > 4<<10 && kernel < 100<<10 }
	user, kernel := map[string]int64{}, map[string]int64{}
	for _, backend := range []string{"uring", "epoll", "threadpool", "net"} {
		b, err := backends.Lookup(backend)
		if err != nil {
			t.Fatal(err)
		}
		testenv.Need(t, backend, b.Probe())
		o := options(backend)
		o.echo().Conns, o.echo().Idle = []int{2}, []int{idle}
		for range 6 { // others use the kernel's memory at the same time
			set := mustRun(t, o)
			trial := set.Trials[0]
			m := trial.Idle
			if m == nil || m.Connections != idle || m.User == nil || m.Kernel == nil || m.Source == "" {
				t.Fatalf("%s: %+v", backend, m)
			}
			if trial.Unserved > 0 {
				t.Errorf("%s: %d connections unserved", backend, trial.Unserved)
			}
			user[backend], kernel[backend] = *m.User/int64(idle), *m.Kernel/int64(idle)
			if sane(kernel[backend]) || os.Geteuid() != 0 { // pages may be there before their objects are
				break
			}
		}
		if u, k := user[backend], kernel[backend]; u < 100 || u > 1<<20 || !sane(k) && os.Geteuid() == 0 {
			t.Errorf("%s: an idle connection takes %d bytes of the server and %d of the kernel", backend, u, k)
		}
	}
	if user["threadpool"] < user["epoll"]+4<<10 {
		t.Errorf("a thread takes %d bytes, a connection of a loop's %d", user["threadpool"], user["epoll"])
	}
}
