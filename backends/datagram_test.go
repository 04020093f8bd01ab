package backends

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// Addresses survive the kernel's form; that it is the kernel's, the conformance
// suite shows.
func TestAddrPort(t *testing.T) {
	for _, s := range []string{"127.0.0.1:1", "255.1.2.3:65535", "[::1]:443", "[2001:db8::1:2]:9"} {
		want := netip.MustParseAddrPort(s)
		b := make([]byte, NameRoom)
		for i := range b {
			b[i] = 0xDB
		}
		n := PutAddrPort(b, want)
		if got := AddrPort(b[:n]); got != want {
			t.Errorf("%s came back as %v from %x", s, got, b[:n])
		}
	}
	for _, b := range [][]byte{nil, make([]byte, 15), make([]byte, NameRoom)} {
		if got := AddrPort(b); got.IsValid() {
			t.Errorf("%x is %v", b, got)
		}
	}
	if n := PutAddrPort(make([]byte, NameRoom), netip.AddrPort{}); n != 0 {
		t.Errorf("no address has %d bytes", n)
	}
}

func TestDatagram(t *testing.T) {
	buf := make([]byte, DatagramHead+3)
	copy(buf[DatagramHead:], "abc")
	n := PutAddrPort(buf[NameAt:], netip.MustParseAddrPort("127.0.0.1:7"))
	binary.NativeEndian.PutUint32(buf, uint32(n))
	from, data := Datagram(buf)
	if string(data) != "abc" || AddrPort(from).String() != "127.0.0.1:7" {
		t.Errorf("%q from %v", data, AddrPort(from))
	}
}
