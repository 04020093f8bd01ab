package ctwin

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/testenv"
)

// The twins build without a warning and echo what they get, in pieces larger
// than their buffers too.
func TestTwinsEcho(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("cc"))
	for _, name := range []string{"epoll", "uring"} {
		t.Run(name, func(t *testing.T) {
			bin := filepath.Join(t.TempDir(), name)
			if out, err := exec.Command("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", bin, filepath.Join("src", name+".c")).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := l.Addr().String()
			l.Close()
			_, port, _ := net.SplitHostPort(addr)
			var stderr bytes.Buffer
			cmd := exec.Command(bin, port)
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cmd.Process.Kill()
				cmd.Wait()
			}()
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if err := converse(addr); err != nil {
						t.Errorf("%v; the program said %q", err, stderr.String())
					}
				})
			}
			wg.Wait()
		})
	}
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
