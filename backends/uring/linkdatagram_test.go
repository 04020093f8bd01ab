package uring

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A receive of a datagram is held in a chain: the second waits for the first, and
// both have what they write to.
func TestLinkedDatagrams(t *testing.T) {
	for name, flags := range map[string]backends.Flags{"own-buffer": 0, "loop-buffer": backends.SelectBuf} {
		t.Run(name, func(t *testing.T) {
			eachLinking(t, func(t *testing.T, l *Loop) {
				p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer closeAll(p[:])
				a := &backends.Op{Code: backends.RecvFrom, FD: int32(p[0]), Flags: flags | backends.Link, Buf: make([]byte, 8)}
				b := &backends.Op{Code: backends.RecvFrom, FD: int32(p[0]), Flags: flags, Buf: make([]byte, 8)}
				submitEach(l, a, b)
				quiet(t, l)
				mustWrite(t, int32(p[1]), "one")
				expect(t, l, map[*backends.Op]backends.Result{a: 3})
				mustWrite(t, int32(p[1]), "second")
				expect(t, l, map[*backends.Op]backends.Result{b: 6})
				if flags == 0 && (string(a.Buf[:3]) != "one" || string(b.Buf[:6]) != "second") {
					t.Errorf("received %q and %q", a.Buf, b.Buf)
				}
			})
		})
	}
}
