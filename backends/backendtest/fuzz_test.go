package backendtest_test

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/backends"
	_ "github.com/ringbench/ringbench/backends/epoll"
	_ "github.com/ringbench/ringbench/backends/gonet"
	_ "github.com/ringbench/ringbench/backends/threadpool"
	_ "github.com/ringbench/ringbench/backends/uring"
	"github.com/ringbench/ringbench/internal/testenv"
)

// contestants are the backends that must all do the same.
var contestants = []string{"uring", "uring-multishot", "uring-bufring", "uring-defer", "epoll", "threadpool", "net"}

// FuzzOps plays one sequence of operations on every backend that is available
// here and demands of each what the model says, so that all agree. Bytes are
// actions in pairs: what to do on which connection, and a size.
func FuzzOps(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	var field []backends.Backend
	for _, name := range contestants {
		b, err := backends.Lookup(name)
		if err != nil {
			f.Fatal(err)
		}
		if err := b.Probe(); err != nil {
			f.Logf("without %s: %v", name, err)
			continue
		}
		field = append(field, b)
	}
	if runtime.GOMAXPROCS(0) < 2 {
		runtime.GOMAXPROCS(2)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		for _, b := range field {
			play(t, b, deadline, program)
			play(t, b, -1, program)
		}
	})
}

// TestContestants tells who is missing from FuzzOps, so that an absence can be
// made a failure.
func TestContestants(t *testing.T) {
	for _, name := range contestants {
		t.Run(name, func(t *testing.T) {
			b, err := backends.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			testenv.Need(t, strings.SplitN(name, "-", 2)[0], b.Probe())
		})
	}
}

// seeds are sequences that once were hard, and a handful of random ones that
// are the same every time.
func seeds() [][]byte {
	at := func(do action, line, size int) []byte { return []byte{byte(int(do)*lines + line), byte(size)} }
	cat := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	s := [][]byte{
		{},
		cat(at(recvMulti, 0, 0), at(peerSend, 0, 6), at(peerEnd, 0, 0), at(recvOwn, 0, 3)),
		cat(at(recvMulti, 1, 0), at(peerSend, 1, 6), at(peerReset, 1, 0), at(recvOwn, 1, 3), at(sendSome, 1, 2)),
		cat(at(peerSend, 1, 4), at(peerReset, 1, 0), at(recvChosen, 1, 0), at(recvMulti, 1, 0)),
		cat(at(peerReset, 1, 0), at(sendSome, 1, 1), at(sendSome, 1, 1), at(recvOwn, 1, 3)),
		cat(at(peerEnd, 1, 0), at(peerReset, 1, 0), at(sendSome, 1, 1), at(recvOwn, 1, 3)),
		cat(at(recvOwn, 0, 1), at(recvChosen, 1, 1), at(recvMulti, 2, 1), at(cancelRecv, 0, 0), at(cancelRecv, 1, 0), at(cancelRecv, 2, 0),
			at(peerSend, 0, 5), at(peerSend, 1, 5), at(peerSend, 2, 5), at(recvOwn, 0, 1), at(recvChosen, 1, 1), at(recvMulti, 2, 1)),
		cat(at(recvMulti, 0, 0), at(shutRd, 0, 0), at(recvOwn, 0, 1), at(sendSome, 0, 3), at(shutWr, 0, 0), at(sendSome, 0, 3)),
		cat(at(recvMulti, 1, 0), at(shutRd, 1, 0), at(peerSend, 1, 3), at(recvOwn, 1, 1), at(recvMulti, 1, 1), at(recvOwn, 1, 1)),
		cat(at(recvMulti, 0, 0), at(peerSend, 0, 6), at(closeIt, 0, 0), at(reopen, 0, 0), at(recvOwn, 0, 2), at(peerSend, 0, 2)),
		cat(at(peerSend, 1, 6), at(recvChosen, 1, 0), at(closeIt, 1, 0), at(reopen, 1, 0), at(recvMulti, 1, 0), at(peerSend, 1, 6), at(closeIt, 1, 0)),
	}
	s = append(s, cat(at(recvMulti, 1, 0), at(burst, 0, 1), at(shutWr, 0, 0), at(burst, 0, 2), at(peerReset, 1, 0), at(burst, 0, 0), at(closeIt, 2, 0), at(burst, 0, 7)))
	for i := range uint64(48) {
		rng := rand.New(rand.NewPCG(i, 42))
		program := make([]byte, 160)
		for j := range program {
			program[j] = byte(rng.Uint32())
		}
		s = append(s, program)
	}
	return s
}
