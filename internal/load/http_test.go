package load

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/pattern"
)

// What the generator says of files that it asks for is what package net/http says
// that it has served, on as many connections, of which none stays in TIME_WAIT
// there.
func TestDownloadsByHTTPAgreeWithTheServer(t *testing.T) {
	for _, backend := range []string{"epoll", "uring"} {
		for _, c := range []Config{
			{Conns: 1, FileBytes: 1, RequestsPerConn: 1},
			{Conns: 7, FileBytes: 65_536, RequestsPerConn: 3, Loops: 2},
			{Conns: 3, FileBytes: 2*pattern.Period + 5, RequestsPerConn: 2},
		} {
			t.Run(fmt.Sprintf("%s/%dx%dx%d", backend, c.Conns, c.RequestsPerConn, c.FileBytes), func(t *testing.T) {
				lookup(t, backend)
				content := make([]byte, c.FileBytes)
				pattern.Content(3)(content, 0)
				var mu sync.Mutex
				asked := map[string]int{} // by the client's address
				var served atomic.Int64
				s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					asked[r.RemoteAddr]++
					mu.Unlock()
					if r.URL.Path != "/a" {
						t.Errorf("%s is asked for", r.URL)
					}
					http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
					served.Add(1)
				})}
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				go s.Serve(l)
				defer s.Close()
				c.Backend, c.Address, c.Pipeline, c.Seed, c.Get = backend, l.Addr().String(), 1, 3, "/a"
				r := begin(t, c)
				r.until(t, 100)
				report := r.end(t)
				if err := s.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				if report.Sent != report.Answered || report.Messages != report.Sent || report.Bytes != report.Messages*uint64(c.FileBytes) {
					t.Errorf("%d files asked for, %d came, %d of them and %d bytes in a window that held the whole run", report.Sent, report.Answered, report.Messages, report.Bytes)
				}
				if got := report.Service.TotalCount(); got != int64(report.Messages) {
					t.Errorf("%d times of %d files", got, report.Messages)
				}
				if got := served.Load(); got != int64(report.Sent) {
					t.Errorf("the server has served %d files of %d", got, report.Sent)
				}
				mu.Lock()
				defer mu.Unlock()
				fewer := 0
				for _, n := range asked {
					if n != c.RequestsPerConn {
						fewer++
					}
				}
				if fewer > c.Conns { // those that the end of the load has ended
					t.Errorf("of %d connections %d had not %d requests", len(asked), fewer, c.RequestsPerConn)
				}
			})
		}
	}
}

// answering is a server's part of downloads by HTTP: parts are what it sends for
// each request, one after the other, in which $ is the file.
func answering(seed uint64, size int, parts ...string) func(net.Conn, *desk) {
	content := make([]byte, size)
	pattern.Content(seed)(content, 0)
	return func(c net.Conn, d *desk) {
		for r := bufio.NewReader(c); ; {
			if _, err := http.ReadRequest(r); err != nil {
				d.mu.Lock()
				d.endings[err.Error()]++
				d.mu.Unlock()
				return
			}
			for _, p := range parts {
				if p == "hang up" {
					return
				}
				if _, err := c.Write(bytes.ReplaceAll([]byte(p), []byte("$"), content)); err != nil {
					return
				}
			}
		}
	}
}

// The head of an answer may come byte by byte, in whatever case, with a file behind
// it that begins in the same segment; and then each client closes first.
func TestDownloadsByHTTPInPieces(t *testing.T) {
	const size = 5000
	parts := strings.Split(fmt.Sprintf("HTTP/1.0 200 Yes\r\nserver: x\r\n\tcontent-length:9\r\ncONTENT-lENGTH:  %d \r\nA:\r\n\r", size), "")
	lookup(t, "epoll")
	d := startDesk(t, answering(3, size, append(parts, "\n$")...))
	r := begin(t, Config{Address: d.Addr().String(), Conns: 2, Pipeline: 1, RequestsPerConn: 2, FileBytes: size, Seed: 3, Get: "/"})
	r.until(t, 20)
	report := r.end(t)
	d.leavesNothing(t)
	if n := d.endings[io.EOF.Error()]; n != int(d.conns.Load()) {
		t.Errorf("of %d connections %d ended in order: %v", d.conns.Load(), n, d.endings)
	}
	if report.Bytes != report.Messages*size || report.Messages < 20 {
		t.Errorf("%d bytes of %d files", report.Bytes, report.Messages)
	}
}

// Whatever a server answers that is not the file ends the load, with what it was.
func TestDownloadsByHTTPOfBrokenServers(t *testing.T) {
	const size = 5000
	good := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
	for name, x := range map[string]struct{ answer, want string }{
		"status":      {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", `the server answers "HTTP/1.1 404 Not Found" to "GET /a HTTP/1.1`},
		"no protocol": {"$\r\n\r\n", "the server answers "},
		"length":      {"HTTP/1.1 200 OK\r\nContent-Length: 5001\r\n\r\n$", "the server gives 5001 as the file's Content-Length, which is 5000"},
		"no length":   {"HTTP/1.1 200 OK\r\n\r\n$", "the server gives no Content-Length"},
		"chunked":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n$", `the server sends the file in another form: "Transfer-Encoding: chunked"`},
		"gzip":        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5000\r\n\r\n$", "the server sends the file in another form"},
		"endless":     {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 20_000), "the head of the server's answer does not end"},
		"moved":       {good + "x", "the server sent a wrong byte"},
		"long":        {good + "$x", "the server sent more than the file's 5000 bytes"},
		"twice":       {good + "$" + good, "the server sent more than the file's 5000 bytes"},
		"nothing":     {"", "the server closed it after 0 of the file's 5000 bytes"},
		"cut":         {good[:20], "the server closed it after 0 of the file's 5000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			d := startDesk(t, answering(3, size, x.answer, "hang up"))
			r := begin(t, Config{Address: d.Addr().String(), Conns: 1, Pipeline: 1, RequestsPerConn: 1, FileBytes: size, Seed: 3, Get: "/a"})
			r.untilFailed(t, 1<<62)
			err := <-r.Failed()
			r.Stop()
			r.Close()
			if !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v, want %q", err, x.want)
			}
		})
	}
}

// In steady state a file that is asked for costs no allocation, its head in two
// pieces or in one.
func TestNoAllocationPerAsk(t *testing.T) {
	for _, parts := range [][]string{{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n$"}, {"HTTP/1.1 200 OK\r\nConte", "nt-Length: 1000\r\n\r\n$"}} {
		d := startDesk(t, func(c net.Conn, d *desk) {
			answer := make([]byte, 1000)
			pattern.Content(3)(answer, 0)
			b := make([]byte, 2000)
			for {
				if _, err := c.Read(b); err != nil {
					return
				}
				for _, p := range parts {
					c.Write(append(append(b[:0], strings.TrimSuffix(p, "$")...), answer[:1000*strings.Count(p, "$")]...))
				}
			}
		})
		r := begin(t, Config{Address: d.Addr().String(), Conns: 2, Pipeline: 1, RequestsPerConn: 1 << 30, FileBytes: 1000, Seed: 3, Get: "/a"})
		r.allocatesNothing(t, 100, 500)
		r.end(t)
	}
}
