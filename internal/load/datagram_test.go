package load

import (
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ringbench/ringbench/internal/pattern"
)

// A packetServer echoes datagrams by package net and misbehaves on demand.
type packetServer struct {
	c        *net.UDPConn
	received atomic.Int64
	sent     atomic.Int64
}

// servePackets starts one. Mangle turns datagram n, of those to the server, into
// what is sent back, if anything; nil: the same.
func servePackets(t testing.TB, mangle func(n int, b []byte) [][]byte) *packetServer {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s := &packetServer{c: c}
	go s.serve(mangle)
	return s
}

func (s *packetServer) serve(mangle func(n int, b []byte) [][]byte) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := s.c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		i := int(s.received.Add(1)) - 1
		if mangle == nil {
			s.answer(buf[:n], from)
			continue
		}
		for _, b := range mangle(i, slices.Clone(buf[:n])) {
			s.answer(b, from)
		}
	}
}

func (s *packetServer) answer(b []byte, to netip.AddrPort) {
	s.sent.Add(1) // before it can be seen
	s.c.WriteToUDPAddrPort(b, to)
}

func (s *packetServer) load(backend string, conns, pipeline, size int, rate float64) Config {
	return Config{Backend: backend, Network: "udp", Address: s.c.LocalAddr().String(), Conns: conns, Pipeline: pipeline, Size: size, Rate: rate}
}

// Every datagram sent is answered or lost, whatever the server does, and what is
// counted is what the server did.
func TestDatagramsLostAndDoubled(t *testing.T) {
	drop := func(n int, b []byte) [][]byte {
		if n%40 == 0 {
			return nil
		}
		return [][]byte{b}
	}
	var held []byte
	for name, c := range map[string]struct {
		mangle          func(n int, b []byte) [][]byte
		drops, doubles  bool
		conns, pipeline int
		rate            float64
	}{
		"none":                {nil, false, false, 3, 4, 0},
		"every 40th lost":     {drop, true, false, 3, 4, 0},
		"every 40th, to rate": {drop, true, false, 3, 4, 2000},
		"every one twice":     {func(_ int, b []byte) [][]byte { return [][]byte{b, b} }, false, true, 3, 4, 0},
		"out of order": {func(_ int, b []byte) [][]byte {
			if held == nil {
				held = b
				return nil
			}
			pair := [][]byte{b, held}
			held = nil
			return pair
		}, false, false, 1, 8, 0},
	} {
		for _, backend := range []string{"epoll", "uring"} {
			t.Run(name+"/"+backend, func(t *testing.T) {
				held = nil
				s := servePackets(t, c.mangle)
				r := begin(t, s.load(backend, c.conns, c.pipeline, 100, c.rate))
				r.until(t, 400)
				report := r.end(t)
				received, sent := uint64(s.received.Load()), uint64(s.sent.Load())
				if report.Sent != report.Answered+report.Lost || report.Messages > report.Answered || uint64(report.Service.TotalCount()) != report.Messages {
					t.Errorf("%d sent, %d answered, %d lost, %d in the window, %d latencies", report.Sent, report.Answered, report.Lost, report.Messages, report.Service.TotalCount())
				}
				if report.Answered+report.Late > sent || received > report.Sent {
					t.Errorf("%d answered and %d late, but the server sent %d; it received %d of %d", report.Answered, report.Late, sent, received, report.Sent)
				}
				// A stall of the machine can make more of them late, never fewer.
				if dropped := received - min(sent, received); c.drops && (dropped == 0 || report.Lost < dropped) {
					t.Errorf("%d lost, and the server dropped %d", report.Lost, dropped)
				}
				if c.doubles != (report.Late > report.Lost) {
					t.Errorf("%d answers too late or twice, %d lost", report.Late, report.Lost)
				}
			})
		}
	}
}

// Servers that answer with something else than what they were sent.
func TestDatagramVerification(t *testing.T) {
	var first []byte
	for name, c := range map[string]struct {
		mangle func(n int, b []byte) [][]byte
		want   string
	}{
		"one wrong byte": {func(n int, b []byte) [][]byte {
			if n == 100 {
				b[57]++
			}
			return [][]byte{b}
		}, "at byte 57 of a message"},
		"a number that was not sent": {func(n int, b []byte) [][]byte {
			if n == 100 {
				b[MinDatagram-1] ^= 0x80
			}
			return [][]byte{b}
		}, "its number is wrong"},
		"a number with the bytes of another": {func(n int, b []byte) [][]byte {
			if n == 0 {
				first = b
			}
			if n == 100 {
				b = append(b[:MinDatagram:MinDatagram], first[MinDatagram:]...)
			}
			return [][]byte{b}
		}, "a wrong byte"},
		"cut":     {func(n int, b []byte) [][]byte { return [][]byte{b[:99]} }, "with one of 99"},
		"grown":   {func(n int, b []byte) [][]byte { return [][]byte{append(b, 0)} }, "with one of 101"},
		"silence": {func(n int, b []byte) [][]byte { return nil }, "answered none of"},
	} {
		t.Run(name, func(t *testing.T) {
			s := servePackets(t, c.mangle)
			r := begin(t, s.load("epoll", 1, 1, 100, 0))
			if c.want != "answered none of" {
				r.untilFailed(t, 1<<60)
			}
			_, err := r.Stop()
			r.Close()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the load ended with %v, want an error with %q", err, c.want)
			}
		})
	}
}

// A datagram of one connection is none of another's, though it bears the same number.
func TestDatagramOfAnotherConnection(t *testing.T) {
	g := &Generator{cfg: Config{Network: "udp", Pipeline: 1, Size: MinDatagram}}
	var err error
	if g.pattern, err = pattern.New(1, 4096); err != nil {
		t.Fatal(err)
	}
	defer g.pattern.Free()
	keys := map[uint64]int{}
	for i := range 1000 {
		c := newConn(&worker{g: g}, i, 0)
		if other, twice := keys[c.dgrams.key]; twice {
			t.Fatalf("connections %d and %d have one key", other, i)
		}
		keys[c.dgrams.key] = i
	}
}

// In its steady state the generator allocates nothing.
func TestDatagramLoadAllocatesNothing(t *testing.T) {
	for _, backend := range []string{"epoll", "uring"} {
		t.Run(backend, func(t *testing.T) {
			s := servePackets(t, nil)
			r := begin(t, s.load(backend, 4, 2, 64, 0))
			r.until(t, 2000)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			from := r.Progress()
			r.until(t, from+5000)
			runtime.ReadMemStats(&after)
			answers := r.Progress() - from
			r.end(t)
			// until and the runtime allocate a little.
			if n := after.Mallocs - before.Mallocs; float64(n) > answers/10 {
				t.Errorf("%d allocations in %v answers", n, answers)
			}
		})
	}
}
