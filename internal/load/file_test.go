package load

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/pattern"
)

// sendFile is a server's part of a download: the content that a load with that
// seed demands, as mangle has changed it.
func sendFile(seed uint64, size int, mangle func(n int64, b []byte) []byte) func(net.Conn, *desk) {
	content := make([]byte, size)
	pattern.Content(seed)(content, 0)
	return func(c net.Conn, d *desk) {
		b := content
		if mangle != nil {
			b = mangle(d.received.Add(1), append([]byte(nil), content...))
		}
		n, _ := c.Write(b)
		d.received.Add(int64(n))
	}
}

// What the generator says of files is what a server of package net says that it
// has sent, and no connection of it stays in TIME_WAIT.
func TestDownloadsAgreeWithTheServer(t *testing.T) {
	for _, backend := range []string{"epoll", "uring"} {
		for _, c := range []Config{
			{Conns: 1, FileBytes: 1},
			{Conns: 7, FileBytes: 65_536, Loops: 2},
			{Conns: 3, FileBytes: 2*pattern.Period + 5},
		} {
			t.Run(fmt.Sprintf("%s/%dx%d", backend, c.Conns, c.FileBytes), func(t *testing.T) {
				lookup(t, backend)
				d := startDesk(t, sendFile(3, int(c.FileBytes), nil))
				c.Backend, c.Address, c.Pipeline, c.RequestsPerConn, c.Seed = backend, d.Addr().String(), 1, 1, 3
				r := begin(t, c)
				r.until(t, 100)
				report := r.end(t)
				d.leavesNothing(t)
				if report.Sent != report.Answered || report.Messages != report.Sent || report.Bytes != report.Messages*uint64(c.FileBytes) {
					t.Errorf("%d connections, %d files, %d of them and %d bytes in a window that held the whole run", report.Sent, report.Answered, report.Messages, report.Bytes)
				}
				if got := report.Service.TotalCount(); got != int64(report.Messages) {
					t.Errorf("%d times of %d files", got, report.Messages)
				}
				if got, want := d.conns.Load(), int64(report.Sent)+int64(c.Conns); got != want {
					t.Errorf("the server accepted %d connections of %d", got, want)
				}
				if got, least := d.received.Load(), int64(report.Bytes); got < least || got > least+int64(c.Conns)*c.FileBytes {
					t.Errorf("the server sent %d bytes, the generator says %d", got, least)
				}
			})
		}
	}
}

// sendSlowly sends files of which the first part goes out at once and each further
// block when it is told to, until the client hangs up.
func sendSlowly(seed uint64, first int64, more <-chan struct{}) func(net.Conn, *desk) {
	block := make([]byte, pattern.Period)
	pattern.Content(seed)(block, 0)
	return func(c net.Conn, d *desk) {
		for n := int64(0); ; n += pattern.Period {
			if n >= first {
				<-more
			}
			k, err := c.Write(block)
			d.received.Add(int64(k))
			if err != nil {
				return
			}
		}
	}
}

// Of files so large that none ends within the load what came counts, and the end
// of the load does not wait for the rest.
func TestDownloadsThatDoNotEnd(t *testing.T) {
	for _, backend := range []string{"epoll", "uring"} {
		t.Run(backend, func(t *testing.T) {
			lookup(t, backend)
			const size, first, conns = 64 * pattern.Period, 4 * pattern.Period, 3
			more := make(chan struct{})
			d := startDesk(t, sendSlowly(3, first, more))
			r := begin(t, Config{Backend: backend, Address: d.Addr().String(), Conns: conns, Pipeline: 1, RequestsPerConn: 1, FileBytes: size, Seed: 3})
			r.until(t, float64(conns*first)/size)
			for _, k := range r.workers {
				k.stop()
			}
			close(more)
			report := r.end(t)
			d.leavesNothing(t)
			if report.Messages != 0 || report.Answered != 0 || report.Sent != conns || report.Service.TotalCount() != 0 {
				t.Errorf("%d of %d files that did not end, %d of them in the window, %d times", report.Answered, report.Sent, report.Messages, report.Service.TotalCount())
			}
			if got, most := int64(report.Bytes), d.received.Load(); got < conns*first || got > most || got > conns*size/2 {
				t.Errorf("%d bytes came, of %d at first and %d in all", got, conns*first, most)
			}
		})
	}
}

// A server that stops sending amid a file too large to wait for is found out.
func TestDownloadsThatStall(t *testing.T) {
	lookup(t, "epoll")
	const size, first = 64 * pattern.Period, 4 * pattern.Period
	more := make(chan struct{})
	d := startDesk(t, sendSlowly(3, first, more))
	r := begin(t, Config{Backend: "epoll", Address: d.Addr().String(), Conns: 1, Pipeline: 1, RequestsPerConn: 1, FileBytes: size, Seed: 3})
	r.patience = 50 * time.Millisecond
	r.until(t, float64(first)/size)
	_, err := r.Stop()
	if want := fmt.Sprintf("only %d of the file's %d bytes have come", first, size); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v does not say %q", err, want)
	}
	r.Close()
	close(more)
}

// Whatever a server does wrong with a file ends the load, with what it was.
func TestDownloadsOfBrokenServers(t *testing.T) {
	const size, bad = 100_000, 50
	for name, x := range map[string]struct {
		mangle func(b []byte) []byte
		want   string
	}{
		"wrong byte": {func(b []byte) []byte { b[70_001] ^= 1; return b }, "as byte 70001 of the file"},
		"moved":      {func(b []byte) []byte { copy(b[4096:], b[:4096]); return b }, "the server sent a wrong byte"},
		"short":      {func(b []byte) []byte { return b[:size-1] }, "the server closed it after 99999 of the file's 100000 bytes"},
		"nothing":    {func(b []byte) []byte { return nil }, "the server closed it after 0 of the file's 100000 bytes"},
		"long":       {func(b []byte) []byte { return append(b, 0) }, "the server sent more than the file's 100000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			lookup(t, "epoll")
			d := startDesk(t, sendFile(3, size, func(n int64, b []byte) []byte {
				if n < bad {
					return b
				}
				return x.mangle(b)
			}))
			g, err := Connect(Config{Backend: "epoll", Network: "tcp", Address: d.Addr().String(), Conns: 2, Pipeline: 1, RequestsPerConn: 1, FileBytes: size, Seed: 3, Loops: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			now := Monotonic()
			g.Start(Window{Start: now, Open: now, Close: now + 1e18})
			if err := <-g.Failed(); !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v does not say %q", err, x.want)
			}
			g.Stop()
		})
	}
}
