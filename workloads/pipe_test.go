package workloads

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A connection that never had a pipe, for want of descriptors, closes none: what
// its fields name, descriptor 0, is another's.
func TestPipeThatWasNotMade(t *testing.T) {
	c := &streamConn{loop: &streamLoop{bytes: 1}}
	newSplicing(c).end()
	newPiping(nil, nil).clear()
	if _, err := unix.FcntlInt(0, unix.F_GETFD, 0); err != nil || c.lent > 0 {
		t.Errorf("standard input: %v; %d ops", err, c.lent)
	}
}
