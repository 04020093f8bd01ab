package bench

import (
	"net"
	"testing"

	"github.com/ringbench/ringbench/internal/load"
)

// The kernel gives a port of the ephemeral range to whoever asks for any; a port
// that is free is none of those.
func TestFreePort(t *testing.T) {
	lo, hi := load.EphemeralPorts()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if port := l.Addr().(*net.TCPAddr).Port; port < lo || port > hi {
		t.Fatalf("the kernel gave port %d, not of %d to %d", port, lo, hi)
	}
	if lo <= lowestPort {
		t.Skipf("ephemeral ports begin at %d", lo)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	if lo <= port && port <= hi {
		t.Errorf("port %d is an ephemeral one", port)
	}
}
