package backendtest

import (
	"fmt"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// proxy: a client and a server, both behind the loop, talk at length in both
// directions at once, and each half ends by itself: bytes arrive unchanged, in
// order and before the end.
func proxy(t *testing.T, b backends.Backend) {
	const total = 300_001
	eachWay(t, b, func(r *rig, w way, fds []int32, peers []peer) {
		relays := []*relay{r.relay(w, fds[0], fds[1]), r.relay(w, fds[1], fds[0])}
		n := total
		if w.len == 777 {
			n /= 10
		}
		done := make(chan error, 2*len(peers))
		for i, p := range peers {
			go func() { done <- speak(p, i, n) }()
			go func() { done <- listenTo(p, 1-i, n) }()
		}
		r.run(relays...)
		for range cap(done) {
			if err := <-done; err != nil {
				r.Error(err)
			}
		}
		for _, y := range relays {
			if y.last != 0 {
				r.Errorf("a relay ended with %v", y.last.Err())
			}
		}
		r.silence()
	})
}

// speak sends a stream in pieces of odd sizes and ends it.
func speak(p peer, stream, n int) error {
	b := make([]byte, 70_001)
	for offset, size := 0, 1; offset < n; size = size*3%len(b) + 1 {
		piece := b[:min(size, n-offset)]
		pattern(piece, stream, offset)
		if _, err := p.Write(piece); err != nil {
			return err
		}
		offset += len(piece)
	}
	return p.CloseWrite()
}

// listenTo demands a stream of n bytes and its end.
func listenTo(p io.Reader, stream, n int) error {
	all, err := io.ReadAll(p)
	if err != nil {
		return err
	}
	if len(all) != n {
		return fmt.Errorf("%d of %d bytes of stream %d arrived", len(all), n, stream)
	}
	return differs(all, stream, 0)
}

// proxyReset: a connection that the peer aborts is ECONNRESET, before or while
// the op waits.
func proxyReset(t *testing.T, b backends.Backend) {
	for _, waits := range []bool{true, false} {
		eachWay(t, b, func(r *rig, w way, fds []int32, peers []peer) {
			tcp, ok := peers[0].(*net.TCPConn)
			if !ok {
				return // Unix sockets are not reset
			}
			tcp.SetLinger(0)
			if !waits {
				tcp.Close()
			}
			y := r.relay(w, fds[0], fds[1])
			if waits {
				r.silence()
				tcp.Close()
			}
			r.fails(r.nextOf(&y.fill), unix.ECONNRESET)
			r.silence()
		})
	}
}

// proxyCancel: what waits for a socket can be called off, at once and after a
// while, and the bytes that come later are not lost to it.
func proxyCancel(t *testing.T, b backends.Backend) {
	eachWay(t, b, func(r *rig, w way, fds []int32, peers []peer) {
		y := r.relay(w, fds[0], fds[1])
		for i := range 6 {
			if i%2 > 0 {
				r.silence()
			}
			r.cancelled(&y.fill)
			r.loop.Submit(&y.fill)
		}
		done := make(chan error, 1)
		go func() { done <- listenTo(peers[1], 4, 5000) }()
		r.put(peers[0], 4, 0, 5000)
		peers[0].CloseWrite()
		r.run(y)
		if err := <-done; err != nil {
			r.Fatal(err)
		}
	})
}

// proxyClose: a Close of the socket that an op waits for ends the op first; of a
// Copy's, either does.
func proxyClose(t *testing.T, b backends.Backend) {
	for _, started := range []bool{true, false} {
		eachWay(t, b, func(r *rig, w way, fds []int32, peers []peer) {
			for i := range fds {
				if i > 0 && !w.copy {
					break
				}
				if i > 0 {
					fds[0], peers[0] = r.pair("unix") // the other was closed
				}
				y := r.relay(w, fds[0], fds[1])
				if started {
					r.silence()
				}
				cl := &backends.Op{Code: backends.Close, FD: fds[i], Flags: y.fill.Flags & backends.Fixed}
				r.submit(cl)
				r.closes(cl, &y.fill)
				delete(r.fds, fds[i])
				fds[i] = -1
				if n, err := peers[i].Read(make([]byte, 1)); n != 0 || err != io.EOF {
					r.Errorf("after the close the peer read %d bytes, %v", n, err)
				}
			}
			r.silence()
		})
	}
}

// proxyLoopClose: every loan comes back from a loop that is closed while ops
// wait, or before they could.
func proxyLoopClose(t *testing.T, b backends.Backend) {
	for _, started := range []bool{true, false} {
		eachWay(t, b, func(r *rig, w way, fds []int32, _ []peer) {
			if w.fixed {
				return // a loop without a table would leave them open
			}
			r.relay(w, fds[0], fds[1])
			r.relay(w, fds[1], fds[0])
			if started {
				r.silence()
			}
			r.shut()
		})
	}
}
