package uring

import (
	"testing"

	"github.com/ringbench/ringbench/backends"
)

// Close ends many more ops than either queue has room for, whatever the kernel
// refuses meanwhile.
func TestCloseInTrouble(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		b.cqEntries = 8
		addFaults(b)
		l := open(t, b, backends.Config{Entries: 8}) // whose clean-up closes it
		here, _ := socketpair(t)
		for i := range 300 {
			op := &backends.Op{Code: backends.Recv, FD: here, Buf: make([]byte, 8)}
			if i%2 == 0 {
				op = &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf}
			}
			l.Submit(op)
		}
		for l.queue.head != 0 || l.ring.unsubmitted() != 0 {
			if n, err := l.Wait(make([]backends.Completion, 1), 0, 0); n != 0 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
