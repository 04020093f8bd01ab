package bench

import (
	"fmt"
	"math/rand/v2"
	"net"

	"github.com/ringbench/ringbench/internal/load"
)

// Of the ports below the ephemeral ones the lowest that is tried, and how many are.
const (
	lowestPort = 10_000
	portTries  = 100
)

// freePort is a port of 127.0.0.1 that nothing listens on. Until the server that is
// told of it listens there, anything may take it, and an ephemeral one is taken by
// whoever connects; so it is none of those where the machine has others.
func freePort() (int, error) {
	lo, _ := load.EphemeralPorts()
	for try := 0; try < portTries && lo > lowestPort; try++ {
		if port, err := canListen(lowestPort + rand.IntN(lo-lowestPort)); err == nil {
			return port, nil
		}
	}
	port, err := canListen(0)
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return port, nil
}

// canListen is the port that could be listened on for a moment; 0 is any.
func canListen(port int) (int, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
