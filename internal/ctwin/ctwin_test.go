package ctwin

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// The twins build without a warning and echo what they get, in pieces larger
// than their buffers too.
func TestTwinsEcho(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("cc"))
	t.Setenv("CC", "cc -Wall -Wextra -Werror")
	programs, err := Build(t.Context(), Epoll, Uring, Threads)
	if err != nil {
		t.Fatal(err)
	}
	defer programs.Remove()
	for _, args := range [][]string{{Epoll}, {Epoll, "100"}, {Uring}, {Uring, "4096", "2"}, {Uring, "65536", "100"}, {Threads}, {Threads, "100"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			if args[0] == Uring {
				testenv.Need(t, "uring", uringAvailable())
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := l.Addr().String()
			l.Close()
			_, port, _ := net.SplitHostPort(addr)
			var stderr bytes.Buffer
			cmd := exec.Command(programs.Path(args[0]), append([]string{port}, args[1:]...)...)
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if err := converse(addr); err != nil {
						t.Errorf("%v; the program said %q", err, stderr.String())
					}
				})
			}
			wg.Wait()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("at SIGTERM: %v; the program said %q", err, stderr.String())
			}
		})
	}
}

func uringAvailable() error {
	fd, errno := uapi.Setup(1, new(uapi.Params))
	if errno != 0 {
		return errno
	}
	return unix.Close(fd)
}

func converse(addr string) error {
	var c net.Conn
	var err error
	for range 200 {
		if c, err = net.Dial("tcp", addr); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	for _, n := range []int{1, 64, 4096, 70_001, 64, 1_000_000} {
		sent := make([]byte, n)
		rand.Read(sent)
		go c.Write(sent)
		got := make([]byte, n)
		if _, err := io.ReadFull(c, got); err != nil {
			return fmt.Errorf("%d bytes: %w", n, err)
		}
		if !bytes.Equal(sent, got) {
			return fmt.Errorf("%d bytes came back changed", n)
		}
	}
	return nil
}
