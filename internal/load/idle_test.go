package load

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Idle connections have a message answered when they are opened and one at the
// end, and none meanwhile, by the count of the server.
func TestIdleConnections(t *testing.T) {
	const conns, idle, size = 2, 150, 100
	d := startDesk(t, echo)
	r := connected(t, Config{Address: d.Addr().String(), Conns: conns, Size: size, Pipeline: 1, AllServed: true})
	if err := r.OpenIdle(idle); err != nil {
		t.Fatal(err)
	}
	if got := d.received.Load(); got != idle*size {
		t.Errorf("%d bytes when %d idle connections were opened, not %d", got, idle, idle*size)
	}
	r.start()
	r.until(t, 200)
	report := r.end(t)
	d.Close()
	d.served.Wait()
	if got := d.conns.Load(); got != conns+idle {
		t.Errorf("the server saw %d connections of %d", got, conns+idle)
	}
	if got, want := d.received.Load(), int64(report.Sent)*size+2*idle*size; got != want {
		t.Errorf("the server received %d bytes, of the load and of two messages each by the idle ones %d", got, want)
	}
	if report.Messages != report.Answered || report.Unserved != 0 {
		t.Errorf("%d messages of %d count; %d connections unserved", report.Messages, report.Answered, report.Unserved)
	}
}

// An idle connection that the server has closed, or on which it answers no more
// or wrongly, is an error that says so.
func TestIdleConnectionsLost(t *testing.T) {
	for name, c := range map[string]struct {
		second func(net.Conn, []byte) // what becomes of its second message
		want   string
	}{
		"closed": {func(net.Conn, []byte) {}, "idle connection 0 of 1 was lost when asked after the load: the server closed it"},
		"silent": {func(c net.Conn, _ []byte) { io.Copy(io.Discard, c) }, "idle connection 0 of 1 was lost when asked after the load: no answer for 100ms"},
		"wrong": {func(c net.Conn, b []byte) {
			b[3]++
			c.Write(b)
			io.Copy(io.Discard, c)
		}, "idle connection 0: the server echoed a wrong byte"},
	} {
		t.Run(name, func(t *testing.T) {
			var served atomic.Int32
			d := startDesk(t, func(conn net.Conn, d *desk) {
				if served.Add(1) == 1 { // the active one
					echo(conn, d)
					return
				}
				b := make([]byte, 64)
				io.ReadFull(conn, b)
				conn.Write(b)
				io.ReadFull(conn, b)
				c.second(conn, b)
			})
			r := connected(t, Config{Address: d.Addr().String(), Conns: 1, Size: 64, Pipeline: 1, AllServed: true})
			for served.Load() == 0 {
				time.Sleep(time.Millisecond)
			}
			if err := r.OpenIdle(1); err != nil {
				t.Fatal(err)
			}
			r.start()
			r.until(t, 20)
			if name == "silent" {
				r.patience = 100 * time.Millisecond
				tv := unix.NsecToTimeval(int64(r.patience))
				if err := unix.SetsockoptTimeval(int(r.idle[0]), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
					t.Fatal(err)
				}
			}
			_, err := r.Stop()
			r.Close()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// A server that has no place for them is told apart from one that is slow.
func TestIdleConnectionsUnserved(t *testing.T) {
	d := startDesk(t, func(c net.Conn, _ *desk) { io.Copy(io.Discard, c) })
	r := connected(t, Config{Address: d.Addr().String(), Conns: 1, Size: 64, Pipeline: 1})
	r.patience = 50 * time.Millisecond
	err := r.OpenIdle(3)
	r.Close()
	if err == nil || !strings.Contains(err.Error(), "idle connection 0 of 3 was lost when asked on opening: no answer for 50ms") {
		t.Error(err)
	}
}
