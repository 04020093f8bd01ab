package gonet

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// What is followed leaves the socket corked until something is sent that is not, in
// a variant with the feature only.
func TestCork(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	socket, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	fd := int32(socket.Fd())
	head := &backends.Op{Code: backends.Send, Flags: backends.Followed, FD: fd, Buf: []byte("head")}
	send := &backends.Op{Code: backends.Send, FD: fd, Buf: []byte("rest")}
	move := &backends.Op{Code: backends.Sendfile, FD: fd, In: int32(file.Fd()), Len: 5}
	for _, name := range []string{"net", "net+cork"} {
		b, err := backends.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		l, err := b.Open(backends.Config{Bufs: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range []*backends.Op{head, move, head, send} {
			if c := do(t, l.(*loop), op); c.Res <= 0 {
				t.Fatalf("%v: %v", op.Code, c.Res.Err())
			}
			corked, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK)
			if want := name == "net+cork" && op == head; err != nil || corked != 0 != want {
				t.Errorf("%s, after %v with flags %b: TCP_CORK is %d, %v", name, op.Code, op.Flags, corked, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
