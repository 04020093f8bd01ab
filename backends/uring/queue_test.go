package uring

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// A hundred receives and sends on one descriptor, with two submission entries:
// all of them are cancelled before the descriptor is closed, and the close comes
// last.
func TestCloseWithFullQueue(t *testing.T) {
	for _, entered := range []bool{false, true} {
		t.Run(fmt.Sprintf("entered=%v", entered), func(t *testing.T) {
			eachTier(t, func(t *testing.T, b *Backend) {
				l := open(t, b, backends.Config{Entries: 2, Bufs: 8})
				here, _ := socketpair(t)
				fd, err := unix.FcntlInt(uintptr(here), unix.F_DUPFD_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				lent := map[*backends.Op]bool{}
				for range 100 {
					op := &backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: int32(fd)}
					lent[op] = true
					l.Submit(op)
				}
				if entered {
					if n, err := l.Wait(make([]backends.Completion, 8), 0, 0); n != 0 || err != nil {
						t.Fatalf("%d completions, %v", n, err)
					}
				}
				last := &backends.Op{Code: backends.Close, FD: int32(fd)}
				l.Submit(last)
				again := &backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: int32(fd)}
				l.Submit(again)
				for i, c := range await(t, l, 102) {
					switch {
					case c.Op == again && c.Res == backends.Fail(unix.EBADF):
					case lent[c.Op] && c.Res.Canceled() && !c.More:
						delete(lent, c.Op)
					case c.Op == last && c.Res == 0 && i == 101 && len(lent) == 0:
					default:
						t.Fatalf("completion %d: %v %+v, %d are lent", i, c.Op.Code, c, len(lent))
					}
				}
				if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
					t.Errorf("the descriptor is still open: %v", err)
				}
			})
		})
	}
}

// Idle connections that outnumber the buffers do not keep a busy one from
// being served.
func TestIdleDoNotStarveBusy(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{Bufs: 2})
		var busy, far int32
		for range 20 {
			busy, far = socketpair(t)
			l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: busy})
		}
		for i := range 50 {
			if _, err := unix.Write(int(far), []byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
			c := await(t, l, 1)[0]
			if c.Op.FD != busy || c.Res != 1 || c.Buf[0] != byte(i) || !c.More {
				t.Fatalf("message %d: %+v", i, c)
			}
			l.Recycle(c.Buf)
		}
	})
}

// The tail of the buffer ring and the queues' indices wrap around.
func TestWrapAround(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		const batch = 16
		messages := 1 << 13 // more than a queue holds
		if b.mask == 0 {
			messages = 1<<16 + 100 // the ring's tail has 16 bits
		}
		l := open(t, b, backends.Config{Entries: 4, Bufs: 2 * batch})
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0) // a message a receive
		if err != nil {
			t.Fatal(err)
		}
		defer closeAll(pair[:])
		l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: int32(pair[0])})
		dst := make([]backends.Completion, batch)
		msg := []byte{0, 0}
		for i := 0; i < messages; i += batch {
			for k := range batch {
				msg[0], msg[1] = byte(i+k), byte((i+k)>>8)
				if _, err := unix.Write(pair[1], msg); err != nil {
					t.Fatal(err)
				}
			}
			for k := 0; k < batch; {
				n, err := l.Wait(dst[:batch-k], 1, -1)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range dst[:n] {
					if c.Res != 2 || c.Buf[0] != byte(i+k) || c.Buf[1] != byte((i+k)>>8) || !c.More {
						t.Fatalf("message %d: %+v", i+k, c)
					}
					l.Recycle(c.Buf)
					k++
				}
			}
		}
	})
}

// A burst that the completion queue cannot hold is delivered in full, counted,
// and leaves every receive armed.
func TestOverflow(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		b.cqEntries = 4
		const conns = 32
		l := open(t, b, backends.Config{Bufs: 2 * conns})
		var far [conns]int32
		conn := map[int32]int{}
		for i := range conns {
			var here int32
			here, far[i] = socketpair(t)
			conn[here] = i
			l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here})
		}
		for round := range 20 {
			for i := range conns {
				if _, err := unix.Write(int(far[i]), []byte{byte(round), byte(i)}); err != nil {
					t.Fatal(err)
				}
			}
			got := map[int]bool{}
			for _, c := range await(t, l, conns) {
				i := conn[c.Op.FD]
				if c.Res != 2 || !c.More || c.Buf[0] != byte(round) || c.Buf[1] != byte(i) || got[i] {
					t.Fatalf("round %d: connection %d: %+v", round, i, c)
				}
				got[i] = true
				l.Recycle(c.Buf)
			}
		}
		if l.tally.Counters[backends.Overflows] == 0 {
			t.Error("no overflow was noticed")
		}
	})
}

// A cancel that comes late does not hit the next user of the slot.
func TestGeneration(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{})
		first := &backends.Op{Code: backends.Nop}
		l.Submit(first)
		stale := first.Loan
		await(t, l, 1)
		second := &backends.Op{Code: backends.Timeout, Off: 3600e9}
		l.Submit(second)
		if second.Loan.Slot != stale.Slot || second.Loan.Gen == stale.Gen {
			t.Fatalf("loans %+v and %+v", stale, second.Loan)
		}
		e := l.ring.next()
		prepCancel(e, userData(stale.Slot, stale.Gen))
		if n, err := l.Wait(make([]backends.Completion, 4), 1, 10e6); n != 0 || err != nil {
			t.Fatalf("%d completions, %v", n, err)
		}
		if !second.Lent() {
			t.Fatal("the timeout is gone")
		}
	})
}

func TestTailWord(t *testing.T) {
	for _, tail := range []uint16{0, 1, 255, 256, 1<<16 - 1} {
		w := tailWord(0xabcd, tail)
		lo, hi := uint16(w), uint16(w>>16)
		if bigEndian {
			lo, hi = hi, lo
		}
		if lo != 0xabcd || hi != tail {
			t.Errorf("tail %d: %#x", tail, w)
		}
	}
}

// Without a buffer ring, a receive that finds nothing after its poll fired goes
// back to polling and keeps no buffer.
func TestPolledInVain(t *testing.T) {
	b := &Backend{variant: backends.Variant{Family: "uring"}, mask: tiers["5.15"]}
	testenv.Need(t, "uring", b.Probe())
	const bufs = 8
	l := open(t, b, backends.Config{Bufs: bufs})
	idle, _ := socketpair(t)
	var holders, both []*backends.Op
	for l.pool.Len() > l.reserve {
		op := &backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: idle}
		l.Submit(op)
		holders = append(holders, op)
	}
	here, far := socketpair(t)
	for range 2 { // few buffers are left, so these poll
		op := &backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: here}
		l.Submit(op)
		both = append(both, op)
	}
	cancel := func(ops []*backends.Op) {
		t.Helper()
		for _, op := range ops {
			l.Submit(&backends.Op{Code: backends.Cancel, Target: op})
		}
		for _, c := range await(t, l, 2*len(ops)) {
			if c.Op.Code == backends.Recv && !c.Res.Canceled() || c.Op.Code == backends.Cancel && c.Res != 0 {
				t.Fatalf("%+v", c)
			}
		}
	}
	cancel(holders)
	for i := range 5 {
		if _, err := unix.Write(int(far), []byte{1}); err != nil {
			t.Fatal(err)
		}
		c := await(t, l, 1)[0]
		if c.Res != 1 {
			t.Fatalf("message %d: %+v", i, c)
		}
		l.Recycle(c.Buf)
		if n, err := l.Wait(make([]backends.Completion, 1), 1, 5e6); n != 0 || err != nil {
			t.Fatalf("%d completions, %v", n, err)
		}
		if i == 0 && l.tally.Counters[backends.Again] == 0 {
			t.Error("no receive was asked in vain, so this test shows nothing")
		}
		l.Submit(c.Op)
	}
	cancel(both)
	if n := l.pool.Len(); n != bufs {
		t.Errorf("%d of %d buffers came back", n, bufs)
	}
}
