package load

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/result"
)

// A desk serves short connections by package net and notes how each came and
// went.
type desk struct {
	net.Listener
	conns, received atomic.Int64
	mu              sync.Mutex
	sources         map[string]int
	peers           map[string]bool // as /proc/net/tcp writes their addresses
	endings         map[string]int  // how reading ended
	served          sync.WaitGroup
}

func startDesk(t *testing.T, serve func(net.Conn, *desk)) *desk {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{Listener: l, sources: map[string]int{}, peers: map[string]bool{}, endings: map[string]int{}}
	t.Cleanup(func() { l.Close() })
	d.served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.conns.Add(1)
			d.mu.Lock()
			peer := c.RemoteAddr().(*net.TCPAddr)
			d.sources[peer.IP.String()]++
			d.peers[fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(peer.IP.To4()), peer.Port)] = true
			d.mu.Unlock()
			d.served.Go(func() {
				serve(c, d)
				c.Close()
			})
		}
	})
	return d
}

// echo sends back what comes until the client closes.
func echo(c net.Conn, d *desk) {
	b := make([]byte, 64<<10)
	for {
		n, err := c.Read(b)
		d.received.Add(int64(n))
		if err != nil {
			d.mu.Lock()
			d.endings[err.Error()]++
			d.mu.Unlock()
			return
		}
		if _, err := c.Write(b[:n]); err != nil {
			return
		}
	}
}

// What the generator says of short connections is what a server saw that was
// written apart from it: how many came and from where, what each brought, and
// that every client closed first, and in order.
func TestVisitsAgreeWithTheServer(t *testing.T) {
	for _, backend := range []string{"epoll", "uring"} {
		for _, c := range []Config{
			{Conns: 1, Size: 1, RequestsPerConn: 1},
			{Conns: 7, Size: 64, RequestsPerConn: 10, Loops: 2},
			{Conns: 3, Size: 300_003, RequestsPerConn: 2},
			{Conns: 20, Size: 64, RequestsPerConn: 3, Rate: 5000},
			{Conns: 5, Size: 4097, RequestsPerConn: 1, Rate: 2000, Loops: 2},
			{Conns: 5, Size: 3000, RequestsPerConn: 4, Shares: []result.Share{{Bytes: 1, Weight: 1}, {Bytes: 3000, Weight: 1}}},
		} {
			t.Run(fmt.Sprintf("%s/%dx%dx%d/%g", backend, c.Conns, c.RequestsPerConn, c.Size, c.Rate), func(t *testing.T) {
				lookup(t, backend)
				d := startDesk(t, echo)
				c.Backend, c.Address, c.Pipeline = backend, d.Addr().String(), 1
				r := begin(t, c)
				r.until(t, 100)
				report := r.end(t)
				d.Close()
				d.served.Wait()
				if report.Sent != report.Answered || report.Sent < 100 || report.Messages != report.Sent {
					t.Errorf("%d connections opened, %d answered, %d in a window that held the whole run", report.Sent, report.Answered, report.Messages)
				}
				want := report.Sent * uint64(c.Size*c.RequestsPerConn)
				if c.Shares != nil {
					want = report.Bytes
				}
				if got := report.Service.TotalCount(); got != int64(report.Messages) || report.Bytes != want {
					t.Errorf("%d connections and %d bytes: %d times and %d bytes", report.Messages, want, got, report.Bytes)
				}
				if c.Rate > 0 && report.Response.TotalCount() != int64(report.Messages) {
					t.Errorf("%d response times of %d connections", report.Response.TotalCount(), report.Messages)
				}
				if got, want := d.conns.Load(), int64(report.Sent)+int64(c.Conns); got != want {
					t.Errorf("the server accepted %d connections of %d", got, want)
				}
				if got, want := d.received.Load(), int64(want); got != want {
					t.Errorf("the server received %d bytes, the generator says %d", got, want)
				}
				if n := d.endings[io.EOF.Error()]; n != int(d.conns.Load()) {
					t.Errorf("of %d connections %d ended in order: %v", d.conns.Load(), n, d.endings)
				}
				if want := min(int(report.Sent), spreadOver()); len(d.sources) < want {
					t.Errorf("%d connections came from %d addresses, not %d", report.Sent, len(d.sources), want)
				}
			})
		}
	}
}

// The client is who waits in TIME_WAIT: by the kernel's table none of the
// server's ends do.
func TestVisitsLeaveTimeWaitToTheClient(t *testing.T) {
	d := startDesk(t, echo)
	r := begin(t, Config{Address: d.Addr().String(), Conns: 4, Size: 8, RequestsPerConn: 1})
	r.until(t, 50)
	r.end(t)
	d.leavesNothing(t)
}

// leavesNothing ends the desk, of which no connection may wait in TIME_WAIT. What
// had its port before it, as a client, may.
func (d *desk) leavesNothing(t *testing.T) {
	t.Helper()
	d.Close()
	d.served.Wait()
	port := fmt.Sprintf(":%04X", d.Addr().(*net.TCPAddr).Port)
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		// sl local_address rem_address st …; 06 is TIME_WAIT (proc(5))
		if f := strings.Fields(line); f[3] == "06" && strings.HasSuffix(f[1], port) && d.peers[f[2]] {
			t.Errorf("the server's end is in TIME_WAIT: %s", line)
		}
	}
}

// A server that does not serve a connection to its end gives an error that says
// what it did.
func TestVisitsLost(t *testing.T) {
	one := func(c net.Conn) []byte {
		b := make([]byte, 64)
		n, _ := io.ReadFull(c, b)
		return b[:n]
	}
	for name, c := range map[string]struct {
		serve func(net.Conn, *desk)
		want  string
	}{
		"closes at once":   {func(c net.Conn, _ *desk) {}, "lost on receive: "},
		"closes in a byte": {func(c net.Conn, _ *desk) { c.Write(one(c)[:63]) }, "the server closed it before reply 1 of 2 was whole"},
		"closes early":     {func(c net.Conn, _ *desk) { c.Write(one(c)); one(c) }, "the server closed it before reply 2 of 2 was whole"},
		"resets": {func(c net.Conn, _ *desk) {
			one(c)
			c.(*net.TCPConn).SetLinger(0)
		}, "lost on receive: connection reset by peer"},
		"changes a byte": {func(c net.Conn, _ *desk) {
			b := one(c)
			if len(b) > 0 {
				b[17]++
			}
			c.Write(b)
			one(c)
		}, "a wrong byte"},
		"adds a byte": {func(c net.Conn, _ *desk) {
			c.Write(append(one(c), 0))
			one(c)
		}, "the server sent 1 bytes more than it was sent"},
		"gives back the first reply twice": {func(c net.Conn, _ *desk) {
			b := one(c)
			c.Write(b)
			one(c)
			c.Write(b)
			one(c)
		}, "a wrong byte"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, backend := range []string{"epoll", "uring"} {
				lookup(t, backend)
				d := startDesk(t, c.serve)
				r := begin(t, Config{Backend: backend, Address: d.Addr().String(), Conns: 1, Size: 64, RequestsPerConn: 2})
				r.untilFailed(t, 1<<62)
				err := <-r.Failed()
				r.Stop()
				r.Close()
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v, want %q", backend, err, c.want)
				}
			}
		})
	}
}

// A server that has gone refuses the next connection.
func TestVisitsRefused(t *testing.T) {
	if got := advice(unix.ENETUNREACH); !strings.Contains(got, "ip link set lo up") {
		t.Errorf("with a loopback that is down the advice is %q", got)
	}
	for _, backend := range []string{"epoll", "uring"} {
		lookup(t, backend)
		d := startDesk(t, func(c net.Conn, d *desk) {
			if d.conns.Load() > 20 {
				d.Close()
			}
			echo(c, d)
		})
		r := begin(t, Config{Backend: backend, Address: d.Addr().String(), Conns: 1, Size: 64, RequestsPerConn: 1})
		r.untilFailed(t, 1<<62)
		if err := <-r.Failed(); !strings.Contains(err.Error(), "was lost on connect: connection refused; nothing listens there") &&
			!strings.Contains(err.Error(), "connection reset") { // it was in the backlog of the listener that closed
			t.Errorf("%s: %v", backend, err)
		}
		r.Stop()
		r.Close()
	}
}

// A reply that never comes is an error of the end, which says which it was.
func TestVisitNeverAnswered(t *testing.T) {
	d := startDesk(t, func(c net.Conn, d *desk) {
		if d.conns.Load() > 10 {
			io.Copy(io.Discard, c)
			return
		}
		echo(c, d)
	})
	r := begin(t, Config{Address: d.Addr().String(), Conns: 1, Size: 64, RequestsPerConn: 3})
	r.until(t, 8)
	r.patience = 50 * time.Millisecond
	for d.conns.Load() <= 10 {
		time.Sleep(time.Millisecond)
	}
	_, err := r.Stop()
	r.Close()
	if err == nil || !strings.Contains(err.Error(), "reply 1 of 3 was never whole") {
		t.Error(err)
	}
}

// No connection is faster than the server: of one that waits before each reply it
// takes as long as all waits.
func TestVisitTimesTheWholeConnection(t *testing.T) {
	const wait, requests = 5 * time.Millisecond, 4
	d := startDesk(t, func(c net.Conn, _ *desk) {
		b := make([]byte, 64)
		for {
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			time.Sleep(wait)
			c.Write(b)
		}
	})
	r := begin(t, Config{Address: d.Addr().String(), Conns: 3, Size: 64, RequestsPerConn: requests})
	r.until(t, 9)
	report := r.end(t)
	if got := time.Duration(report.Service.Min()); got < requests*wait*99/100 {
		t.Errorf("a connection took %v, its %d replies %v", got, requests, requests*wait)
	}
}

// In steady state a connection costs no allocation.
func TestNoAllocationPerVisit(t *testing.T) {
	for _, backend := range []string{"null", "epoll", "uring"} {
		for _, rate := range []float64{0, 20_000} {
			t.Run(fmt.Sprintf("%s/%g", backend, rate), func(t *testing.T) {
				lookup(t, backend)
				c := Config{Backend: backend, Conns: 8, Size: 64, RequestsPerConn: 2, Rate: rate}
				if backend != "null" {
					c.Address = referenceProcess(t)
				}
				r := begin(t, c)
				r.allocatesNothing(t, 500, 1000)
				r.end(t)
			})
		}
	}
}
