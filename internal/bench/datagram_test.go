package bench

import (
	"strings"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// Every backend echoes datagrams, the smallest and the largest, and on more
// sockets than one; a pool of several workers too.
func TestDatagrams(t *testing.T) {
	t.Parallel()
	o := options(all()...)
	o.echo().Networks, o.echo().Conns, o.echo().Sizes = []string{"udp"}, []int{8}, []int{8, backends.MaxDatagram}
	o.echo().Pipelines, o.Loops, o.Workers = []int{4}, 2, 3
	set := busyRun(t, o)
	for _, trial := range set.Trials {
		cell := set.Plan.Cells[trial.Cell]
		if trial.Void != "" || trial.Bytes != trial.Messages*uint64(cell.Size) {
			t.Errorf("%s, %d B: void %q, %d messages, %d bytes", cell.Contestant, cell.Size, trial.Void, trial.Messages, trial.Bytes)
		}
		// Those are a message of the server's, which has its own edges of the window.
		if known := trial.CountedSyscalls != nil; known != (cell.Family() != "net" && trial.Counters["bytes_in"] > 0) {
			t.Errorf("%s: counted system calls %v: %v", cell.Contestant, trial.CountedSyscalls, trial.Counters)
		}
	}
	if set.Floor == nil {
		t.Error("there is no harness floor")
	}
}

// There is nothing to be accepted, nor a thread for each client.
func TestDatagramsHaveNoConnections(t *testing.T) {
	c := result.Cell{Load: result.Load{Workload: "echo", Network: "udp", Conns: 100_000, Size: 64, Pipeline: 1}, Backend: "threadpool", Contestant: "threadpool", Loops: 1}
	if of(c).places != nil {
		t.Error("the server is waited for to accept")
	}
	if err := needThreads([]result.Cell{c}, []threadLimit{{name: "x", free: 100}}); err != nil {
		t.Error(err)
	}
}

// What a variant's name promises must act, or the row would lie.
func TestFeaturesSuitTheNetwork(t *testing.T) {
	for name, want := range map[string]string{"uring": "", "uring-multishot": "", "epoll+syscall": "", "epoll+mmsg": "mmsg acts on datagrams only", "epoll+readwrite": "readwrite acts on streams only",
		"uring+inc": "inc acts on streams only", "uring+zc": "zc acts on streams only", "uring+fixedfile": "fixedfile acts on streams only", "uring+msgring": "msgring acts on streams only"} {
		b, err := backends.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if b.Probe() != nil {
			continue // of this kernel, which has not all
		}
		for _, network := range []string{"udp", "tcp"} {
			err := takesDatagrams("--backend", name, network)
			refused := want != "" && (network == "udp") == strings.Contains(want, "streams")
			if (err != nil) != refused || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v", name, network, err)
			}
		}
	}
}
