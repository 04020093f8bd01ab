package backendtest

import (
	"net"
	"runtime"
	"slices"
	"testing"

	"github.com/ringbench/ringbench/backends"
)

// A check is one subtest of the suite.
type check struct {
	name   string
	memory bool // makes sense for a loop that knows no sockets
	run    func(*testing.T, backends.Backend)
}

// Run holds b to the contract. b.Probe must be nil: callers decide before
// whether an absent backend is a skip or a failure.
func Run(t *testing.T, b backends.Backend) { run(t, b, checks()) }

// RunFiles is the part of Run that is about files.
func RunFiles(t *testing.T, b backends.Backend) { run(t, b, fileChecks) }

// RunDatagrams is the part of Run that is about datagrams.
func RunDatagrams(t *testing.T, b backends.Backend) { run(t, b, datagramChecks) }

// RunStreams is the part of RunBriefly that is not about files nor about what
// moves bytes between descriptors, for a backend that treats those as one that
// Run has seen does.
func RunStreams(t *testing.T, b backends.Backend) {
	defer narrow()()
	run(t, b, streamsOnly())
}

func run(t *testing.T, b backends.Backend, list []check) {
	if err := b.Probe(); err != nil {
		t.Fatalf("probe: %v", err)
	}
	// Loops enter the kernel raw and keep their P while they block there; the
	// peers need one to run on.
	if runtime.GOMAXPROCS(0) < 2 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	}
	startNetpoll(t)
	for _, c := range list {
		if b.Traits().Memory && !c.memory {
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.run(t, b) })
	}
}

// RunBriefly is Run over one kind of connection, for a backend that differs from
// one that Run has seen in what treats all kinds alike.
func RunBriefly(t *testing.T, b backends.Backend) {
	defer narrow()()
	Run(t, b)
}

// narrow leaves one kind of connection until the function that it returns is called.
func narrow() (widen func()) {
	all := networks
	networks = networks[:1]
	return func() { networks = all }
}

func checks() []check {
	return slices.Concat(streamsOnly(), fileChecks, moveChecks)
}

func streamsOnly() []check {
	return slices.Concat(basicChecks, waitChecks, streamChecks, acceptChecks, fixedChecks, cancelChecks, closeChecks,
		bufferChecks, sendingChecks, datagramChecks, loadChecks, costChecks)
}

// startNetpoll makes the runtime open the descriptors that package net keeps
// for ever, so that they are not taken for a leak.
func startNetpoll(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
