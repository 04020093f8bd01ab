package ctwin

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// echoes is the address of a server, by package net, that echoes.
func echoes(t *testing.T) string {
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := io.Copy(c, c); err == nil {
					c.(*net.TCPConn).CloseWrite()
				}
			}()
		}
	}()
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

var proxies = []string{ProxyEpoll, ProxySplice, ProxyUring}

// relays starts a proxy of an origin that does what a test has it do.
func relays(t *testing.T, name string) (s *server, l net.Listener) {
	t.Helper()
	l = listen(t)
	return built(t).start(t, name, l.Addr().String()), l
}

// join is a connection by the proxy, and its other side at the origin.
func (s *server) join(l net.Listener) (client, origin *net.TCPConn) {
	s.Helper()
	client, err := dial(s.addr)
	if err != nil {
		s.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		s.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	s.Cleanup(func() { client.Close(); c.Close() })
	return client, c.(*net.TCPConn)
}

// Bytes in bulk pass both ways at once, whichever side ends first, and each end by
// itself.
func TestProxiesStream(t *testing.T) {
	for _, name := range proxies {
		t.Run(name, func(t *testing.T) {
			s, l := relays(t, name)
			client, origin := s.join(l)
			before := s.files() - s.perConnection(name)
			for i := range 4 {
				first, second := client, origin
				if i%2 == 1 {
					first, second = origin, client
				}
				bulk, late := flood()[:1<<20*(i/2)], flood()[1<<20:][:1<<20*(i/2)+1]
				said := make(chan error, 2)
				go func() { said <- say(first, bulk) }()
				half := len(late) / 2
				go func() {
					_, err := second.Write(late[:half])
					said <- err
				}()
				back := make([]byte, half)
				heard := make(chan error, 1)
				go func() {
					_, err := io.ReadFull(first, back)
					heard <- err
				}()
				got, err := io.ReadAll(second)
				if err != nil || !bytes.Equal(got, bulk) {
					t.Fatalf("%d bytes and the end sent: %d came, or others: %v", len(bulk), len(got), err)
				}
				if err := errors.Join(<-said, <-said, <-heard, say(second, late[half:])); err != nil {
					t.Fatal(err)
				}
				rest, err := io.ReadAll(first)
				if err != nil || !bytes.Equal(append(back, rest...), late) {
					t.Fatalf("after the other side's end %d bytes came of %d, or others: %v", half+len(rest), len(late), err)
				}
				client, origin = s.join(l)
			}
			client.Close()
			origin.Close()
			s.filesBackTo(before)
			s.stop()
		})
	}
}

// say sends b and the end.
func say(c *net.TCPConn, b []byte) error {
	_, err := c.Write(b)
	return errors.Join(err, c.CloseWrite())
}

// flood is more than a proxy and the kernel take while nothing is read.
var flood = sync.OnceValue(func() []byte {
	b := make([]byte, 24<<20)
	rand.Read(b)
	return b
})

// perConnection is how many descriptors a connection takes.
func (s *server) perConnection(name string) int {
	if name == ProxySplice {
		return 6
	}
	return 2
}

// A side that does not read holds the other back, and the proxy's memory is bounded;
// others are served meanwhile, and all arrives in the end.
func TestProxiesHoldBack(t *testing.T) {
	for _, name := range proxies {
		for _, up := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/up=%v", name, up), func(t *testing.T) {
				s, l := relays(t, name)
				other, far := s.join(l)
				from, to := s.join(l)
				if !up {
					from, to = to, from
				}
				if err := errors.Join(from.SetWriteBuffer(64<<10), to.SetReadBuffer(64<<10)); err != nil {
					t.Fatal(err)
				}
				before := s.resident()
				want := flood()
				sent := 0
				for { // until nothing more is taken for a while
					from.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
					n, err := from.Write(want[sent:])
					sent += n
					if err == nil {
						t.Fatalf("all of %d bytes were taken although nothing was read", sent)
					}
					if n == 0 {
						break
					}
				}
				if grown := s.resident() - before; grown > 8<<10 {
					t.Errorf("the proxy grew by %d KiB while nothing was read", grown)
				}
				go io.CopyN(far, far, 1000)
				if _, err := other.Write(want[:1000]); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(other, make([]byte, 1000)); err != nil {
					t.Fatalf("another connection is not served: %v", err)
				}
				from.CloseWrite()
				got, err := io.ReadAll(to)
				if err != nil || !bytes.Equal(got, want[:sent]) {
					t.Fatalf("%d of %d bytes came, or others: %v", len(got), sent, err)
				}
				s.stop()
			})
		}
	}
}

// resident is the memory of the server in KiB.
func (s *server) resident() (kib int) {
	s.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			fmt.Sscan(v, &kib)
		}
	}
	return kib
}

// A side that resets, or an origin that refuses, costs the connection that it
// concerns, of which the other side learns, and nothing else.
func TestProxiesLose(t *testing.T) {
	for _, name := range proxies {
		t.Run(name, func(t *testing.T) {
			s, l := relays(t, name)
			steady, far := s.join(l)
			go io.Copy(far, far)
			before := s.files()
			for i := range 6 {
				from, to := s.join(l)
				if i%2 == 1 {
					from, to = to, from
				}
				from.SetLinger(0)
				from.Close()
				_, err := io.Copy(io.Discard, to)
				if i%2 == 0 && !errors.Is(err, unix.ECONNRESET) || err != nil && !errors.Is(err, unix.ECONNRESET) {
					t.Fatalf("the other side was reset, and this one learns %v", err)
				}
			}
			l.Close()
			for range 6 {
				c, err := dial(s.addr)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, unix.ECONNRESET) {
					t.Fatalf("the origin refuses: %v", err)
				}
				c.Close()
			}
			if _, err := steady.Write(make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(steady, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			s.filesBackTo(before)
			s.stop()
		})
	}
}
