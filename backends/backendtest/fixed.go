package backendtest

import (
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// With Fixed, a loop may keep what it accepts in a table of its own; the owner
// cannot tell, as long as all its ops carry the flag.
var fixedChecks = []check{
	{"fixed-echo", false, fixedEcho},
	{"fixed-close-with-ops-in-flight", false, fixedClose},
	{"fixed-never-reaped", false, fixedUnreaped},
}

// acceptFixed accepts n connections. There are more of them than the process
// has other descriptors, so that a number is both a connection's and another's.
func (r *rig) acceptFixed(n int) (fds []int32, peers []peer) {
	r.Helper()
	l, addr := r.listen()
	op := &backends.Op{Code: backends.Accept, FD: l, Flags: backends.Multishot | backends.Fixed}
	r.submit(op)
	for range n {
		peers = append(peers, r.dial(addr))
		c := r.nextOf(op)
		if c.Res < 0 || !c.More {
			r.Fatalf("accept: %d (%v), more %v", c.Res, c.Res.Err(), c.More)
		}
		fds = append(fds, int32(c.Res))
	}
	r.cancelled(op)
	return fds, peers
}

// fixedEcho echoes on fixed connections and on a plain one at the same time.
func fixedEcho(t *testing.T, b backends.Backend) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			const conns = 6
			r := open(t, b, backends.Config{})
			fds, peers := r.acceptFixed(conns)
			var echoes []*echo
			for _, fd := range fds {
				e := newEchoWith(r.loop, fd, m, r.buf(4096), backends.Fixed)
				echoes = append(echoes, e)
			}
			for range 2 {
				fd, p := r.pair("tcp")
				echoes = append(echoes, newEcho(r.loop, fd, m, r.buf(4096)))
				peers = append(peers, p)
			}
			done := make(chan error, len(peers))
			for i, p := range peers {
				go func() { done <- converse(p, i, []int{1, 20000, 64}) }()
			}
			err := backends.Run(r.loop, func() bool {
				for _, e := range echoes {
					if !e.ended {
						return false
					}
				}
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			for range peers {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			for _, fd := range fds {
				r.want(r.must(&backends.Op{Code: backends.Close, FD: fd, Flags: backends.Fixed}), 0)
			}
			r.silence()
		})
	}
}

// fixedClose closes fixed connections with a receive in flight: it ends before
// the Close does, the peer sees the end, and a receive on the plain descriptor
// of the same number goes on.
func fixedClose(t *testing.T, b backends.Backend) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			r := open(t, b, backends.Config{})
			plain, q := r.pair("unix")
			bystander := r.recvOp(plain, m, 64)
			r.submit(bystander)
			fds, peers := r.acceptFixed(16)
			for i, fd := range fds {
				recv := r.recvOp(fd, m, 64)
				recv.Flags |= backends.Fixed
				r.submit(recv)
				if i == 3 {
					r.silence()
				}
				cl := &backends.Op{Code: backends.Close, FD: fd, Flags: backends.Fixed}
				r.submit(cl)
				r.closes(cl, recv)
				if n, err := peers[i].Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("after the close the peer read %d bytes, %v", n, err)
				}
				r.fails(r.do(recv), unix.EBADF)
			}
			r.put(q, 3, 0, 20)
			r.received(bystander, m, 3, 0, 20)
		})
	}
}

// fixedUnreaped closes the loop while accepted connections wait to be reaped:
// the peers see their end.
func fixedUnreaped(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	l, addr := r.listen()
	op := &backends.Op{Code: backends.Accept, FD: l, Flags: backends.Multishot | backends.Fixed}
	r.submit(op)
	r.silence()
	var peers []peer
	for range 5 {
		peers = append(peers, r.dial(addr))
	}
	if n, err := r.loop.Wait(nil, 0, 0); n != 0 || err != nil {
		t.Fatalf("a Wait without room for completions: %d, %v", n, err)
	}
	r.shut()
	unix.Close(int(l)) // what was never accepted ends with the listener
	delete(r.fds, l)
	for _, p := range peers {
		if n, err := p.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("a peer of the closed loop read %d bytes, %v", n, err)
		}
	}
}
