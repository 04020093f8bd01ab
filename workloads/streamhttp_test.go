package workloads_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/workloads"
)

// serveHTTP starts a server of a file by HTTP.
func serveHTTP(t *testing.T, backend, path string) *server {
	t.Helper()
	return start(t, "stream", workloads.Config{Backend: backend, Network: "tcp", Bufs: 16, BufSize: 16 << 10}, func(cfg workloads.Config) any {
		return workloads.StreamConfig{Config: cfg, Path: path, Bytes: -1, Protocol: workloads.HTTP}
	})
}

// request is one as package net/http reads it back.
const request = "GET /file HTTP/1.1\r\nHost: a\r\n\r\n"

// answer demands that what comes next is a whole answer with that status and body,
// as package net/http understands it.
func answer(r *bufio.Reader, status int, body []byte) error {
	a, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != status || a.ContentLength != int64(len(body)) || !bytes.Equal(got, body) {
		return fmt.Errorf("%s, Content-Length %d, %d of %d bytes, or others: %w", a.Status, a.ContentLength, len(got), len(body), err)
	}
	return nil
}

// Package net/http has the file again and again on one connection; requests that
// come in pieces, or several at once, are answered in turn; the client's last is
// the end; and nothing is left.
func TestStreamHTTP(t *testing.T) {
	t.Parallel()
	for _, backend := range append(slices.Clip(ways), "uring+fixedbufs+fixedfile+zcfixed") {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			size := 300_003
			if backend == "threadpool" {
				size = 0
			}
			path, content := fileOf(t, size)
			s := serveHTTP(t, backend, path)
			fetch := func(client *http.Client) (reused bool) {
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
				ask, _ := http.NewRequestWithContext(ctx, "GET", "http://"+s.addr+"/file", nil)
				a, err := client.Do(ask)
				if err != nil {
					t.Fatal(err)
				}
				defer a.Body.Close()
				if got, err := io.ReadAll(a.Body); err != nil || a.StatusCode != 200 || a.ContentLength != int64(size) || !bytes.Equal(got, content) {
					t.Errorf("%s, Content-Length %d, %d of %d bytes, or others: %v", a.Status, a.ContentLength, len(got), size, err)
				}
				return reused
			}
			before := s.state()
			client := &http.Client{Transport: &http.Transport{}}
			fetch(client)
			if !fetch(client) {
				t.Error("another request took another connection")
			}
			c := s.dial()
			r := bufio.NewReader(c)
			for _, b := range []byte(request) {
				if _, err := c.Write([]byte{b}); err != nil {
					t.Fatal(err)
				}
			}
			if err := answer(r, 200, content); err != nil {
				t.Errorf("byte by byte: %v", err)
			}
			last := strings.Replace(request, "Host", "connection: Close\r\nhost", 1)
			if _, err := io.WriteString(c, request+request+last+request); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				if err := answer(r, 200, content); err != nil {
					t.Errorf("answer %d of 3: %v", i+1, err)
				}
			}
			if _, err := r.ReadByte(); err == nil {
				t.Error("the connection goes on after the last request")
			}
			c.Close()
			client.CloseIdleConnections()
			s.backTo(before.Files + keptPipes(backend, 2))
			s.counts(backends.BytesOut, uint64(6*(len(workloads.HTTPHead(int64(size)))+size)))
		})
	}
}

// What is no plain GET is answered by a status that says so, and the end.
func TestStreamHTTPRefuses(t *testing.T) {
	path, content := fileOf(t, 1000)
	s := serveHTTP(t, "epoll+sendfile", path)
	for ask, want := range map[string]int{
		"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n":                              405,
		"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n1":                   405,
		"GETTY / HTTP/1.1\r\n\r\n":                                        405,
		"get / HTTP/1.1\r\n\r\n":                                          400,
		"\x16\x03\x01":                                                    400,
		"GET  / HTTP/1.1\r\n\r\n":                                         400,
		"GET /\r\n":                                                       400,
		"GET / HTTP/2.0\r\n":                                              400,
		"GET /a b HTTP/1.1\r\n":                                           400,
		"GET / HTTP/1.1 \r\n":                                             400,
		"GET / HTTP/1.1\r\nHost\r\n":                                      400,
		"GET / HTTP/1.1\r\n: a\r\n":                                       400,
		"GET / HTTP/1.1\r\nContent-Length: 1\r\n":                         400,
		"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n":                400,
		"GET / HTTP/1.1\r\nA: " + strings.Repeat("a", 4096-19):            400,
		"GET / HTTP/1.0\r\n\r\n":                                          200,
		"GET / HTTP/1.1\r\nContent-Length: 0\r\nConnection:close\r\n\r\n": 200,
	} {
		c := s.dial()
		if _, err := io.WriteString(c, ask); err != nil {
			t.Fatal(err)
		}
		body := content
		if want != 200 {
			body = nil
		}
		r := bufio.NewReader(c)
		if err := answer(r, want, body); err != nil {
			t.Errorf("%.60q, which is a %d: %v", ask, want, err)
		}
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("%.60q: after the answer %v", ask, err)
		}
		c.Close()
	}
}

// An answer that one segment can hold comes in one, and costs no allocation.
func TestStreamHTTPCosts(t *testing.T) {
	path, content := fileOf(t, 1000)
	for _, backend := range append(slices.Clip(ways), "net+cork") {
		if backend == "net" { // which has no flags for a send
			continue
		}
		t.Run(backend, func(t *testing.T) {
			s := serveHTTP(t, backend, path)
			c := s.dial()
			defer c.Close()
			r := bufio.NewReader(c)
			const each = 100
			ask := func() {
				for range each {
					if _, err := io.WriteString(c, request); err != nil {
						t.Fatal(err)
					}
					if err := answer(r, 200, content); err != nil {
						t.Fatal(err)
					}
				}
			}
			ask()
			var before, after uint64
			s.call("mallocs", &before)
			s.call("mallocs", &before)
			ask()
			s.call("mallocs", &after)
			if got := after - before; got > 40 && backend != "net+cork" {
				t.Errorf("%d allocations for %d answers", got, each)
			}
			if got := segments(t, c); got > 2*each+each/2 {
				t.Errorf("%d segments for %d answers", got, 2*each)
			}
		})
	}
}

// segments is how many with data have come to c, by the kernel.
func segments(t *testing.T, c net.Conn) (n int) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		info, e := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err = e; e == nil {
			n = int(info.Data_segs_in)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
