package load

import (
	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// Config is one load on one server.
type Config struct {
	Backend string `json:"backend"` // of the generator itself
	Network string `json:"network"`
	Address string `json:"address"`
	Conns   int    `json:"conns"`
	Size    int    `json:"size"` // bytes of a message
	// Shares are the sizes of messages, each drawn; then Size is the largest. Not of
	// datagrams, nor of what a bulk server is asked for.
	Shares   []result.Share `json:"shares,omitempty"`
	Pipeline int            `json:"pipeline"`           // messages outstanding a connection, at most
	Rate     float64        `json:"rate"`               // messages a second over all connections; 0: closed loop
	Arrivals Arrivals       `json:"arrivals,omitempty"` // of an open loop
	Loops    int            `json:"loops"`
	Seed     uint64         `json:"seed"`
	Spin     bool           `json:"spin"` // an open loop may burn its CPU to be on time
	// Asks is set for a bulk server (see pattern.Ask): messages go to it, come from
	// it, or both, and half of a connection's are asked for at a time.
	Asks Direction `json:"asks,omitempty"`
	// RequestsPerConn makes connections short: each ends after so many messages,
	// one at a time, and another takes its place. Then Conns is how many there
	// are at a time, Rate is of connections, and what is counted and timed as a
	// message is a connection, from its connect to the end of its last reply.
	// 0: connections last as long as the load.
	RequestsPerConn int `json:"requests_per_connection,omitempty"`
	// FileBytes makes connections short that ask for nothing: each is sent a file
	// of so many bytes, which pattern.Content of the seed has filled, and then its
	// end. What is counted and timed as a message is a file, from the connect to
	// its last byte; RequestsPerConn is 1 and Size is of no account. Bytes count
	// when they come, whether or not the rest of their file does within the window.
	FileBytes int64 `json:"file_bytes,omitempty"`
	// Get makes each connection ask for the file RequestsPerConn times by a GET of
	// this path, of HTTP/1.1, and then close. A file that is not the first of its
	// connection is timed from its request. The end of the load ends connections
	// after the file that is on its way.
	Get string `json:"get,omitempty"`
	// AllServed: the server has taken every connection from its backlog, so one
	// that is never answered has lost a message.
	AllServed bool `json:"all_served,omitempty"`
}

// BufSize is the receive buffer that suits messages of size bytes: whole pages,
// a power of two, 4 to 64 KiB, and larger than the message where that can be,
// because a receive that fills its buffer leaves a reader to ask whether that
// was all: at 1,000 connections of 4 KiB it cost epoll 6 % of its CPU.
func BufSize(size int) int {
	n := 4096
	for n <= size && n < 64<<10 {
		n *= 2
	}
	return n
}

func (c Config) bufSize() int {
	if c.FileBytes > 0 {
		return BufSize(int(min(c.FileBytes, 64<<10)))
	}
	return BufSize(c.Size * c.Pipeline)
}

// LoopConfig sizes a loop that drives so many of the connections.
func (c Config) LoopConfig(conns int) backends.Config {
	bufs := max(64, 2*conns)
	size := c.bufSize()
	if Datagrams(c.Network) {
		bufs, size = max(64, 2*conns*min(c.Pipeline, 16)), backends.DatagramHead+c.Size
	}
	for bufs > 64 && bufs*size > 256<<20 {
		bufs /= 2
	}
	return backends.Config{BufSize: size, Bufs: bufs}
}

// unitBytes is how many bytes are verified of what is counted as a message.
func (c Config) unitBytes() uint64 {
	n := uint64(c.Size * max(1, c.RequestsPerConn))
	if c.Asks == Both {
		return 2 * n // here and by the server, which acknowledges what has come
	}
	return n
}
