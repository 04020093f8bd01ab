package ctwin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

var remove = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	remove()
	os.Exit(code)
}

var build = sync.OnceValues(func() (*Programs, error) {
	os.Setenv("CC", "cc -Wall -Wextra -Werror")
	defer os.Unsetenv("CC")
	programs, err := Build(context.Background(), Epoll, Uring, Threads, ProxyEpoll, ProxySplice, ProxyUring, ReadPread, ReadUring)
	if err == nil {
		remove = programs.Remove
	}
	return programs, err
})

// built are all programs, which build without a warning.
func built(t *testing.T) *Programs {
	t.Helper()
	testenv.Need(t, "cc", testenv.Program("cc"))
	programs, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return programs
}

// The twins echo what they get, in pieces larger than their buffers too; before an
// origin that echoes, a proxy does.
func TestTwinsEcho(t *testing.T) {
	programs := built(t)
	for _, args := range [][]string{
		{Epoll}, {Epoll, "100"}, {Uring}, {Uring, "4096", "2"}, {Uring, "65536", "100"}, {Threads}, {Threads, "100"},
		{ProxyEpoll, "{origin}", "8192"}, {ProxySplice, "{origin}"}, {ProxyUring, "{origin}", "4096", "2"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			s := programs.start(t, args...)
			s.converse(20)
			s.stop()
		})
	}
}

// Kernels before Linux 6.6 know no NO_SQARRAY, and the twin does without; those
// before 6.1 know no DEFER_TASKRUN, and it says so.
func TestOlderKernels(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("cc"))
	testenv.Need(t, "uring", uringAvailable())
	for flag, refused := range map[uint32]string{uapi.SetupNoSQArray: "", uapi.SetupDeferTaskrun: "its C twin cannot run here: SINGLE_ISSUER with DEFER_TASKRUN needs Linux 6.1"} {
		header := filepath.Join(t.TempDir(), "older.h")
		if err := os.WriteFile(header, fmt.Appendf(nil, olderKernel, flag), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("CC", "cc -Wall -Wextra -Werror -include "+header)
		programs, err := Build(t.Context(), Uring)
		if err != nil {
			t.Fatal(err)
		}
		defer programs.Remove()
		if err := programs.Check(Uring); fmt.Sprint(err) != cmp.Or(refused, "<nil>") {
			t.Errorf("without setup flag %#x: %v, want %q", flag, err, refused)
		}
		if refused == "" {
			s := programs.start(t, Uring)
			s.converse(20)
			s.stop()
		}
	}
}

// olderKernel refuses a flag of io_uring_setup as a kernel does that does not
// know it, and IORING_REGISTER_USE_REGISTERED_RING, which is of Linux 6.3.
const olderKernel = `
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>
static int unknown_flag(long call, ...) {
	va_list args;
	va_start(args, call);
	(void)va_arg(args, int);
	int bad = (call == __NR_io_uring_setup && va_arg(args, struct io_uring_params *)->flags & %d) ||
		(call == __NR_io_uring_register && va_arg(args, int) < 0);
	va_end(args);
	return bad;
}
#define syscall(...) (unknown_flag(__VA_ARGS__) ? errno = EINVAL, -1L : (syscall)(__VA_ARGS__))
`

// A server is a twin that runs.
type server struct {
	*testing.T
	addr   string
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

// start runs a program with the arguments that follow its port.
func (p *Programs) start(t *testing.T, args ...string) *server {
	t.Helper()
	if UsesRing(args[0]) {
		testenv.Need(t, "uring", uringAvailable())
	}
	return start(t, append([]string{p.Path(args[0]), "{port}"}, args[1:]...)...)
}

// start runs a command with {port} replaced by a port, and {origin} by the address
// of a server that echoes.
func start(t *testing.T, command ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{T: t, addr: l.Addr().String()}
	l.Close()
	_, port, _ := net.SplitHostPort(s.addr)
	origin := ""
	if slices.Contains(command, "{origin}") {
		origin = echoes(t)
	}
	for i, arg := range command {
		command[i] = strings.NewReplacer("{port}", port, "{origin}", origin).Replace(arg)
	}
	s.cmd = exec.Command(command[0], command[1:]...)
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill() })
	return s
}

// converse has so many clients at once.
func (s *server) converse(clients int) {
	s.Helper()
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			if err := converse(s.addr); err != nil {
				s.Errorf("%v; the program said %q", err, s.stderr.String())
			}
		})
	}
	wg.Wait()
}

func (s *server) stop() {
	s.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.Errorf("at SIGTERM: %v; the program said %q", err, s.stderr.String())
	}
}

func uringAvailable() error {
	fd, errno := uapi.Setup(1, new(uapi.Params))
	if errno != 0 {
		return errno
	}
	return unix.Close(fd)
}

// dial waits for a server that has just been started.
func dial(addr string) (c *net.TCPConn, err error) {
	for range 1000 {
		var conn net.Conn
		if conn, err = net.Dial("tcp", addr); err == nil {
			conn.SetDeadline(time.Now().Add(30 * time.Second))
			return conn.(*net.TCPConn), nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, err
}

func converse(addr string) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
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
