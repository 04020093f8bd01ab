package uapi

import (
	"fmt"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel connects to a raw address what listens at the same one in x/sys'
// form, and a socket bound raw comes from where it was told.
func TestRawSockaddr(t *testing.T) {
	for _, c := range []struct {
		domain int
		at     unix.Sockaddr
	}{
		{unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}},
		{unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}},
		{unix.AF_UNIX, &unix.SockaddrUnix{Name: filepath.Join(t.TempDir(), "s")}},
		{unix.AF_UNIX, &unix.SockaddrUnix{Name: fmt.Sprintf("@ringbench-test-%d", unix.Getpid())}},
	} {
		t.Run(fmt.Sprintf("%T", c.at), func(t *testing.T) {
			l, err := unix.Socket(c.domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Skip(err) // no IPv6 here
			}
			defer unix.Close(l)
			if err := unix.Bind(l, c.at); err != nil {
				if c.domain == unix.AF_INET6 {
					t.Skip(err)
				}
				t.Fatal(err)
			}
			if err := unix.Listen(l, 1); err != nil {
				t.Fatal(err)
			}
			at, err := unix.Getsockname(l)
			if err != nil {
				t.Fatal(err)
			}
			fd, e := SocketRaw(c.domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if e != 0 {
				t.Fatal(e)
			}
			defer unix.Close(fd)
			from := [4]byte{127, 8, 9, 10}
			if c.domain == unix.AF_INET {
				if e := SetsockoptRaw(int32(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); e != 0 {
					t.Fatal(e)
				}
				if e := BindRaw(int32(fd), from); e != 0 {
					t.Fatal(e)
				}
			}
			raw, size := RawSockaddr(at)
			if e := Connect(int32(fd), &raw, size); e != 0 {
				t.Fatal(e)
			}
			a, peer, err := unix.Accept(l)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(a)
			if p, ok := peer.(*unix.SockaddrInet4); ok && p.Addr != from {
				t.Errorf("the connection came from %v, not %v", p.Addr, from)
			}
		})
	}
	if _, size := RawSockaddr(&unix.SockaddrNetlink{}); size != 0 {
		t.Error("an address of netlink has a form")
	}
}
