package ctwin

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/testenv"
)

// However a client leaves, nothing that it is owed is lost, the others are
// served, and nothing of it stays with the server.
func TestTwinsHangUps(t *testing.T) {
	programs := built(t)
	for _, args := range [][]string{
		{Epoll, "4096"}, {Uring, "4096", "16"}, {Threads, "4096"},
		{ProxyEpoll, "{origin}", "4096"}, {ProxySplice, "{origin}"}, {ProxyUring, "{origin}", "4096", "16"},
	} {
		t.Run(args[0], func(t *testing.T) {
			s := programs.start(t, args...)
			defer s.visit().Close()
			before := s.files()
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := halfClose(s.addr); err != nil {
						t.Errorf("half-closed: %v; the program said %q", err, s.stderr.String())
					}
				})
				wg.Go(func() {
					for range 5 {
						if err := reset(s.addr); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			s.converse(4)
			s.filesBackTo(before)
			s.stop()
		})
	}
}

// halfClose ends its side while most of what it sent is still on the way back,
// more than sockets hold.
func halfClose(addr string) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	sent := make([]byte, 4<<20)
	rand.Read(sent)
	wrote := make(chan error, 1)
	go func() {
		_, err := c.Write(sent)
		if err == nil {
			err = c.CloseWrite()
		}
		wrote <- err
	}()
	got, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	if err := <-wrote; err != nil {
		return err
	}
	if !bytes.Equal(sent, got) {
		return fmt.Errorf("%d bytes came back of %d, or changed", len(got), len(sent))
	}
	return nil
}

// reset drops the connection with data in both directions.
func reset(addr string) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write(make([]byte, 100_000)); err != nil {
		return err
	}
	if _, err := c.Read(make([]byte, 1)); err != nil { // the server is at it
		return err
	}
	return c.SetLinger(0)
}

// files counts the server's open files.
func (s *server) files() int {
	s.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		s.Fatal(err)
	}
	return len(files)
}

// filesBackTo waits until the server has no more files open than that.
func (s *server) filesBackTo(before int) {
	s.Helper()
	for end := time.Now().Add(20 * time.Second); s.files() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("%d open files, and %d before", s.files(), before)
		}
	}
}

// A twin without a descriptor left ends and says why: clients would else wait
// for ever.
func TestTwinsOutOfFiles(t *testing.T) {
	programs := built(t)
	for _, args := range [][]string{{Epoll}, {Uring}, {Threads}, {ProxyEpoll, "{origin}"}, {ProxySplice, "{origin}"}, {ProxyUring, "{origin}"}} {
		t.Run(args[0], func(t *testing.T) {
			if UsesRing(args[0]) {
				testenv.Need(t, "uring", uringAvailable())
			}
			s := start(t, append([]string{"/bin/sh", "-c", `ulimit -n 14 && exec "$@"`, "sh", programs.Path(args[0]), "{port}"}, args[1:]...)...)
			defer s.visit().Close()
			for range 14 {
				if c, err := net.Dial("tcp", s.addr); err == nil { // the kernel accepts, the program cannot
					defer c.Close()
				}
			}
			time.AfterFunc(20*time.Second, func() { s.cmd.Process.Kill() })
			_ = s.cmd.Wait()
			if got := s.stderr.String(); s.cmd.ProcessState.ExitCode() != 1 || !strings.HasSuffix(got, ": Too many open files\n") {
				t.Errorf("%v, and it said %q", s.cmd.ProcessState, got)
			}
		})
	}
}

// visit is a connection that has been served.
func (s *server) visit() net.Conn {
	s.Helper()
	c, err := dial(s.addr)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := c.Write([]byte{1}); err != nil {
		s.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		s.Fatal(err)
	}
	return c
}
