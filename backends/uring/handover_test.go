package uring

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A team is loops of this goroutine's that accept from one listener.
type team struct {
	*testing.T
	addr    unix.Sockaddr
	fd      int32
	loops   []*Loop
	taps    []*tap
	accepts []*backends.Op
	conns   [][]int32             // by loop
	far     []int32               // the other ends, in order
	ended   []backends.Completion // of other ops, and of accepts
}

func newTeam(t *testing.T, name string, n int) *team {
	t.Helper()
	ln, addr := listener(t)
	m := &team{T: t, addr: addr, fd: int32(ln), conns: make([][]int32, n)}
	t.Cleanup(m.hangUp)
	for range n {
		l, p := openTapped(t, name, backends.Config{Entries: 8, Bufs: 8})
		op := &backends.Op{Code: backends.Accept, Flags: backends.Multishot | backends.Fixed, FD: m.fd}
		l.Submit(op)
		m.loops, m.taps, m.accepts = append(m.loops, l), append(m.taps, p), append(m.accepts, op)
	}
	return m
}

// connect makes connections, in order.
func (m *team) connect(n int) {
	m.Helper()
	for range n {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			m.Fatal(err)
		}
		m.far = append(m.far, int32(fd))
		if err := unix.Connect(fd, m.addr); err != nil {
			m.Fatal(err)
		}
	}
}

// hangUp closes the far ends.
func (m *team) hangUp() {
	for _, fd := range m.far {
		closeAll([]int{int(fd)})
	}
	m.far = nil
}

// spread demands that the loops have so many connections each, and waits for it.
func (m *team) spread(want ...int) {
	m.Helper()
	var got []int
	for end := time.Now().Add(time.Minute); !slices.Equal(got, want) && time.Now().Before(end); {
		got = got[:0]
		for i, l := range m.loops {
			m.turn(i, l)
			got = append(got, len(m.conns[i]))
		}
	}
	for i, l := range m.loops { // there may be one too many
		m.turn(i, l)
		got[i] = len(m.conns[i])
	}
	if !slices.Equal(got, want) {
		m.Fatalf("the loops have %v connections, expected %v", got, want)
	}
}

func (m *team) turn(i int, l *Loop) {
	m.Helper()
	if l.closed {
		return
	}
	dst := make([]backends.Completion, 8)
	n, err := l.Wait(dst, 0, 0)
	if err != nil {
		m.Fatal(err)
	}
	for _, c := range dst[:n] {
		switch {
		case c.Op == m.accepts[i] && c.More:
			m.conns[i] = append(m.conns[i], int32(c.Res))
		default:
			m.ended = append(m.ended, c)
		}
	}
}

// serve has the loops send a word to all of their connections, which arrives at the
// far ends, and close them, which the far ends see.
func (m *team) serve() {
	m.Helper()
	for i := range m.loops {
		m.finish(i)
	}
	for _, fd := range m.far {
		readExactly(m.T, fd, "hello")
		m.ends(fd)
	}
	m.hangUp()
}

// finish has one do so.
func (m *team) finish(i int) {
	m.Helper()
	for _, fd := range m.conns[i] {
		m.loops[i].Submit(&backends.Op{Code: backends.Send, Flags: backends.Fixed, FD: fd, Buf: []byte("hello")})
		await(m.T, m.loops[i], 1)
		m.loops[i].Submit(&backends.Op{Code: backends.Close, Flags: backends.Fixed, FD: fd})
		if c := await(m.T, m.loops[i], 1)[0]; c.Res != 0 {
			m.Errorf("close: %+v", c)
		}
	}
	m.conns[i] = nil
}

func (m *team) ends(fd int32) {
	m.Helper()
	p := []unix.PollFd{{Fd: fd, Events: unix.POLLIN}}
	if _, err := unix.Poll(p, 60_000); err != nil || p[0].Revents&unix.POLLHUP == 0 {
		m.Errorf("the peer sees %#x, %v", p[0].Revents, err)
	}
}

func (m *team) counted(c backends.Counter) (sum uint64) {
	for _, l := range m.loops {
		sum += l.tally.Counters[c]
	}
	return sum
}

var msgRingVariants = []string{
	"uring+msgring", "uring+fixedfile+msgring", "uring+msgring+regfiles", "uring+msgring-multishot", "uring+fixedfile+msgring-defer",
	"uring+msgring-single", "uring+msgring+sqpoll+sqidle=1ms", "uring+link+msgring", "uring+msgring+naive", "uring+async+msgring", "uring+fixedfile+msgring+oneshot",
}

// Connections are spread evenly over loops that accept from one listener, by as
// many messages as go to others, and only one loop asks for them.
func TestHandover(t *testing.T) {
	for i, name := range msgRingVariants {
		t.Run(name, func(t *testing.T) {
			n := 2 + i%2
			m := newTeam(t, name, n)
			m.spread(make([]int, n)...)
			before := descriptors(t)
			for range 2 { // more than there is room for in a queue of 8
				m.connect(6 * n)
				m.spread(slices.Repeat([]int{6}, n)...)
				m.serve()
			}
			for i, p := range m.taps {
				if m.loops[i].ring.sqpoll {
					break // there is no call to see them in
				}
				messages, accepts := len(p.of(uapi.OpMsgRing)), len(p.of(uapi.OpAccept))
				if i == 0 && (messages != 2*6*(n-1) || accepts == 0) || i > 0 && (messages != 0 || accepts != 0) {
					t.Errorf("loop %d: %d messages, %d accepts", i, messages, accepts)
				}
			}
			if sent, kept := m.counted(backends.Handovers), m.counted(backends.KeptConns); sent != uint64(2*6*(n-1)) || kept != 0 {
				t.Errorf("%d counted, %d kept", sent, kept)
			}
			if more := opened(t, before); len(more) > 0 {
				t.Errorf("left open: %q", more)
			}
		})
	}
}

// When the loop that accepts stops doing so, by whatever end of its op, another
// goes on; and of a crew that shrinks, each connection goes to who is left.
func TestHandoverSuccession(t *testing.T) {
	for _, name := range []string{"uring+msgring", "uring+fixedfile+msgring"} {
		t.Run(name, func(t *testing.T) {
			m := newTeam(t, name, 4)
			before := descriptors(t)
			m.connect(4)
			m.spread(1, 1, 1, 1)
			m.loops[0].Submit(&backends.Op{Code: backends.Cancel, Target: m.accepts[0]})
			m.spread(1, 1, 1, 1)
			m.connect(3)
			m.spread(1, 2, 2, 2)
			m.loops[0].Submit(m.accepts[0]) // as one of the others
			m.connect(4)
			m.spread(2, 3, 3, 3)
			m.serve()
			if err := m.loops[1].Close(); err != nil {
				t.Fatal(err)
			}
			m.connect(3)
			m.spread(1, 0, 1, 1)
			m.serve()
			if len(m.ended) != 2 { // the cancelled accept, and its cancel
				t.Errorf("%+v", m.ended)
			}
			for more := range slices.Values(opened(t, before)) {
				t.Errorf("left open: %s", more)
			}
		})
	}
}

// What is on its way to a loop that no longer accepts, or is being closed, goes on
// to another; and ends where there is none.
func TestHandoverTooLate(t *testing.T) {
	type ending struct {
		end  func(*team)
		want []int
	}
	closed := func(m *team, i int) {
		if err := m.loops[i].Close(); err != nil {
			m.Error(err)
		}
	}
	for _, name := range []string{"uring+msgring", "uring+fixedfile+msgring"} {
		for what, c := range map[string]ending{
			"cancelled": {func(m *team) { m.loops[1].Submit(&backends.Op{Code: backends.Cancel, Target: m.accepts[1]}) }, []int{2, 0}},
			"closed":    {func(m *team) { closed(m, 1) }, []int{2, 0}},
			"first":     {func(m *team) { closed(m, 0) }, []int{1, 1}},
			"both": {func(m *team) {
				closed(m, 0)
				closed(m, 1)
				m.ends(m.far[1])
			}, []int{1, 0}},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				m := newTeam(t, name, 2)
				before := descriptors(t)
				m.connect(2)
				for m.loops[0].tally.Counters[backends.Completions] < 2 {
					m.turn(0, m.loops[0]) // sends the second
				}
				c.end(m)
				m.spread(c.want...)
				m.hangUp()
				for i, l := range m.loops {
					switch {
					case !l.closed:
						m.finish(i)
					case l.files == 0:
						for _, fd := range m.conns[i] {
							closeAll([]int{int(fd)})
						}
					}
				}
				for more := range slices.Values(opened(t, before)) {
					t.Errorf("left open: %s", more)
				}
			})
		}
	}
}

// What another loop cannot take stays, and is counted: its table is full, or its
// ring is gone, which then gets no more.
func TestHandoverRefused(t *testing.T) {
	t.Run("full", func(t *testing.T) {
		m := newTeam(t, "uring+fixedfile+msgring", 2)
		r := m.loops[1].ring
		if _, errno := sysRegister(r.fd, uapi.UnregisterFiles, nil, 0); errno != 0 {
			t.Fatal(errno)
		}
		if errno := r.registerFiles(1); errno != 0 {
			t.Fatal(errno)
		}
		m.connect(6)
		m.spread(5, 1)
		if kept := m.counted(backends.KeptConns); kept != 2 {
			t.Errorf("%d counted", kept)
		}
		m.serve()
		m.connect(2)
		m.spread(1, 1)
	})
	t.Run("gone", func(t *testing.T) {
		m := newTeam(t, "uring+msgring", 2)
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		crews.by[crewKey{fd: m.fd}].takers[1].ring = int(null.Fd())
		m.connect(6)
		m.spread(6, 0)
		sent := len(m.taps[0].of(uapi.OpMsgRing))
		if kept := m.counted(backends.KeptConns); kept == 0 || int(kept) != sent {
			t.Errorf("%d counted of %d", kept, sent)
		}
		m.connect(2)
		m.spread(8, 0)
		if now := len(m.taps[0].of(uapi.OpMsgRing)); now != sent {
			t.Errorf("%d more messages", now-sent)
		}
	})
}

// A loop that sleeps is woken by what is handed to it from another thread, also
// where the kernel takes requests with difficulty.
func TestHandoverWakes(t *testing.T) {
	const conns = 8
	for _, name := range []string{"uring+msgring", "uring+fixedfile+msgring-defer"} {
		b := named(t, name)
		b.cqEntries = 8
		addFaults(b)
		m := &team{T: t}
		ln, addr := listener(t)
		m.addr, m.fd = addr, int32(ln)
		ready, got := make(chan error), make(chan int)
		for range 2 {
			go func() {
				n, err := takeFour(b, m.fd, ready)
				if err != nil {
					t.Error(err)
				}
				got <- n
			}()
			if err := <-ready; err != nil {
				t.Fatal(err)
			}
		}
		m.connect(conns)
		if a, b := <-got, <-got; a != conns/2 || b != conns/2 {
			t.Errorf("%s: %d and %d", name, a, b)
		}
		m.hangUp()
	}
}

// takeFour is a loop on a thread of its own that ends with its fourth connection.
func takeFour(b *Backend, listener int32, ready chan<- error) (n int, err error) {
	loop, err := b.Open(backends.Config{})
	if err == nil {
		loop.Submit(&backends.Op{Code: backends.Accept, Flags: backends.Multishot | backends.Fixed, FD: listener})
	}
	ready <- err
	if err != nil {
		return 0, err
	}
	dst := make([]backends.Completion, 1)
	for n < 4 {
		k, err := loop.Wait(dst, 1, -1)
		if err != nil {
			return n, err
		}
		if n += k; k == 1 && !loop.(*Loop).feat.has(fixedFiles) {
			closeAll([]int{int(dst[0].Res)})
		}
	}
	return n, loop.Close()
}

// To hand a connection over allocates nothing.
func TestHandoverAllocatesNothing(t *testing.T) {
	m := newTeam(t, "uring+msgring", 2)
	from := m.loops[0].hands.takers[0]
	dst := make([]backends.Completion, 4)
	if n := testing.AllocsPerRun(100, func() {
		m.loops[0].pass(&dst[0], from, 7)
		for _, l := range m.loops {
			_, _ = l.Wait(dst, 0, 0)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := m.counted(backends.Handovers); n < 50 {
		t.Errorf("%d handed over", n)
	}
}

// Without the operation, and where loops do not share descriptors, the variant is
// refused.
func TestMsgRingRefused(t *testing.T) {
	b := named(t, "uring+msgring")
	refused := make(chan error)
	go func() {
		if err := backends.OwnDescriptors(); err != nil {
			refused <- err
			return
		}
		refused <- openError(b)
	}()
	if err := <-refused; err == nil || !strings.Contains(err.Error(), "this thread has a table of its own") && !errors.Is(err, unix.EPERM) {
		t.Errorf("%v", err)
	}
	lesserKernel{ops: []uint8{uapi.OpMsgRing}}.install(t)
	if err := b.Probe(); err == nil || !strings.Contains(err.Error(), "feature msgring needs IORING_OP_MSG_RING") {
		t.Errorf("%v", err)
	}
}
