package threadpool

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

const socketVariable = "RINGBENCH_TEST_ECHO_SOCKET"

// An echo server makes two system calls a message and no other. strace counts
// them, from outside the process, and the loop's own counters agree.
func TestTwoSystemCallsAMessage(t *testing.T) {
	const messages = 200
	testenv.Need(t, "strace", testenv.Program("strace"))
	dir := t.TempDir()
	path, log := filepath.Join(dir, "s"), filepath.Join(dir, "log")
	cmd := exec.Command("strace", "-f", "-qq", "-c", "-o", log, "-e", "trace=%network,poll,ppoll,epoll_wait,epoll_pwait,fcntl",
		os.Args[0], "-test.run=^TestEchoOnce$", "-test.v")
	cmd.Env = append(os.Environ(), socketVariable+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(out)
		said <- all
	}()
	talkErr := talk(path, messages)
	if talkErr != nil {
		cmd.Process.Kill()
	}
	text := <-said
	if err := cmd.Wait(); err != nil || talkErr != nil {
		if testenv.Root() != nil {
			testenv.Need(t, "root", fmt.Errorf("strace: %w", err)) // ptrace may be forbidden
		}
		t.Fatalf("strace of an echo server: %v, its client: %v; it printed\n%s", err, talkErr, text)
	}
	table, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	// A call that blocks and that a signal of Go's runtime interrupts is restarted by
	// the kernel, and counted by strace once more.
	const restarts = 3
	for _, want := range []struct {
		call        string
		count, more int
	}{{"recvfrom", messages + 1, restarts}, {"sendto", messages, 0}, {"accept4", 1, restarts}, {"ppoll", 0, 0}, {"poll", 0, 0}} {
		if n := countOf(table, want.call); n < want.count || n > want.count+want.more {
			t.Errorf("%d %s for %d messages, expected %d", n, want.call, messages, want.count)
		}
	}
	counters := fmt.Sprintf("recv %d send %d accept %d wait %d\n", messages+1, messages, 1, 0)
	if !regexp.MustCompile(`(?m)^` + counters).Match(text) {
		t.Errorf("expected the counters to say %q; the server printed\n%s", counters, text)
	}
}

// countOf reads the count of a call from what strace -c prints; the column of
// errors may be empty.
func countOf(table []byte, name string) int {
	m := regexp.MustCompile(`(?m)^(?:\s+[\d.]+){3}\s+(\d+)\s+(?:\d+\s+)?` + name + `$`).FindSubmatch(table)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// talk exchanges messages with the server at path, once it is there.
func talk(path string, messages int) error {
	var conn net.Conn
	var err error
	for range 500 {
		if conn, err = net.Dial("unix", path); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	msg := make([]byte, 64)
	for range messages {
		if _, err := conn.Write(msg); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, msg); err != nil {
			return err
		}
	}
	return nil
}

// TestEchoOnce is the server of the test above: it serves one connection.
func TestEchoOnce(t *testing.T) {
	path := os.Getenv(socketVariable)
	if path == "" {
		t.Skip("runs as a child of TestTwoSystemCallsAMessage")
	}
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(s, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(s, 1); err != nil {
		t.Fatal(err)
	}
	l := open(t, newBackend(backends.Variant{Family: "threadpool"}))
	fd := int32(do(t, l, &backends.Op{Code: backends.Accept, FD: int32(s)}).Res)
	recv := &backends.Op{Code: backends.Recv, FD: fd, Flags: backends.SelectBuf}
	send := &backends.Op{Code: backends.Send, FD: fd}
	for {
		c := do(t, l, recv)
		if c.Res <= 0 {
			break
		}
		send.Buf = c.Buf
		if n := do(t, l, send).Res; int(n) != len(c.Buf) {
			t.Fatalf("send: %d", n)
		}
		l.Recycle(c.Buf)
	}
	l.Wait(nil, 0, 0)
	n := l.Counters()
	fmt.Printf("recv %d send %d accept %d wait %d\n",
		n[backends.SysRecv], n[backends.SysSend], n[backends.SysAccept], n[backends.SysWait])
}

const fileVariable = "RINGBENCH_TEST_FILE"

// A file op is one system call and no other.
func TestOneSystemCallAFileOp(t *testing.T) {
	const ops = 50
	if path := os.Getenv(fileVariable); path != "" {
		fileOps(t, path, ops)
		return
	}
	testenv.Need(t, "strace", testenv.Program("strace"))
	dir := t.TempDir()
	path, log := filepath.Join(dir, "f"), filepath.Join(dir, "log")
	if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("strace", "-f", "-qq", "-o", log, "-e", "trace=pread64,pwrite64,fdatasync,ppoll",
		os.Args[0], "-test.run=^TestOneSystemCallAFileOp$", "-test.v")
	cmd.Env = append(os.Environ(), fileVariable+"="+path)
	out, err := testenv.Strace(cmd)
	if err != nil {
		if testenv.Root() != nil {
			testenv.Need(t, "root", fmt.Errorf("strace: %w", err)) // ptrace may be forbidden
		}
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for call, want := range map[string]int{`pread64\(900,`: ops, `pwrite64\(900,`: ops, `fdatasync\(900`: ops, `ppoll\(`: 0} {
		if n := len(regexp.MustCompile(call).FindAll(text, -1)); n != want {
			t.Errorf("%d calls that match %s, expected %d", n, call, want)
		}
	}
	if want := fmt.Sprintf("recv %d send %d other %d all %d\n", ops, ops, ops, 3*ops); !regexp.MustCompile(want).Match(out) {
		t.Errorf("expected the counters to say %q; the child printed\n%s", want, out)
	}
}

// fileOps is the child of the test above.
func fileOps(t *testing.T, path string, ops int) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Dup3(int(f.Fd()), 900, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	l := open(t, newBackend(backends.Variant{Family: "threadpool"}))
	for range ops {
		c := do(t, l, &backends.Op{Code: backends.ReadAt, FD: 900, Flags: backends.SelectBuf})
		do(t, l, &backends.Op{Code: backends.WriteAt, FD: 900, Buf: c.Buf})
		l.Recycle(c.Buf)
		do(t, l, &backends.Op{Code: backends.Fdatasync, FD: 900})
	}
	l.Wait(nil, 0, 0)
	n := l.Counters()
	fmt.Printf("recv %d send %d other %d all %d\n", n[backends.SysRecv], n[backends.SysSend], n[backends.SysOther], n.Syscalls())
}
