package uring

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A Shutdown, which the loop carries out by itself, does not overtake a datagram.
func TestShutdownAfterSendTo(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{})
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer closeAll(p[:])
		path := filepath.Join(t.TempDir(), "s")
		if err := unix.Bind(p[1], &unix.SockaddrUnix{Name: path}); err != nil {
			t.Fatal(err)
		}
		to := &backends.Addr{}
		to.Raw.Addr.Family = unix.AF_UNIX
		to.Len = uint32(2 + copy(uapi.SockaddrBytes(&to.Raw)[2:], path+"\x00"))
		send := &backends.Op{Code: backends.SendTo, FD: int32(p[0]), Addr: to, Buf: []byte("last")}
		shut := &backends.Op{Code: backends.Shutdown, FD: int32(p[0]), Off: unix.SHUT_WR}
		submitEach(l, send, shut)
		expect(t, l, map[*backends.Op]backends.Result{send: 4, shut: 0})
		readExactly(t, int32(p[1]), "last")
	})
}
