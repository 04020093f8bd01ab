package backendtest

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A relay moves all that comes from one socket to another, which it then shuts
// down: by splices through a pipe or by one Copy.
type relay struct {
	loop        backends.Loop
	fill, drain backends.Op
	shut        backends.Op
	held        int32 // bytes in the pipe
	ended       bool
	last        backends.Result
}

// A way is how a relay goes about it.
type way struct {
	name  string
	copy  bool
	pages int   // of the pipe; 0: as the kernel makes it
	fixed bool  // the sockets were accepted with Fixed
	len   int32 // of a splice from a socket
}

// waysOf are those that b has.
func waysOf(b backends.Backend) (ways []way) {
	if b.Traits().Splices {
		ways = append(ways, way{name: "splice", len: 1 << 20}, way{name: "splice-one-page", len: 1 << 20, pages: 1},
			way{name: "splice-little", len: 777}, way{name: "splice-fixed", len: 1 << 20, fixed: true})
	}
	if b.Traits().Copies {
		ways = append(ways, way{name: "copy", copy: true})
	}
	return ways
}

// eachWay runs f for every way and kind of connection, given two connections
// and their far ends.
func eachWay(t *testing.T, b backends.Backend, f func(r *rig, w way, fds []int32, peers []peer)) {
	for _, network := range networks {
		for _, w := range waysOf(b) {
			if w.fixed && network != "tcp" {
				continue
			}
			t.Run(network+"/"+w.name, func(t *testing.T) {
				r := open(t, b, backends.Config{})
				if w.copy {
					t.Cleanup(func() {
						r.shut()
						// Package net keeps pipes until a collection finds them unused.
						for range 3 {
							runtime.GC()
						}
					})
				}
				var fds []int32
				var peers []peer
				if w.fixed {
					fds, peers = r.acceptFixed(2)
				}
				for len(fds) < 2 {
					fd, p := r.pair(network)
					fds, peers = append(fds, fd), append(peers, p)
				}
				f(r, w, fds, peers)
				for _, fd := range fds {
					if !w.fixed || fd < 0 {
						continue
					}
					cl := &backends.Op{Code: backends.Close, FD: fd, Flags: backends.Fixed}
					for r.submit(cl); r.next().Op != cl; {
					}
				}
			})
		}
	}
}

// relay starts one from in to out.
func (r *rig) relay(w way, in, out int32) *relay {
	r.Helper()
	var flags backends.Flags
	if w.fixed {
		flags = backends.Fixed
	}
	y := &relay{loop: r.loop}
	y.shut = backends.Op{Code: backends.Shutdown, FD: out, Flags: flags, Off: unix.SHUT_WR, Done: y}
	if w.copy {
		y.fill = backends.Op{Code: backends.Copy, FD: out, In: in, Done: y}
	} else {
		head, tail := r.pipe()
		if w.pages > 0 {
			if _, err := unix.FcntlInt(uintptr(tail), unix.F_SETPIPE_SZ, w.pages*os.Getpagesize()); err != nil {
				r.Fatal(err)
			}
		}
		y.fill = backends.Op{Code: backends.Splice, FD: tail, In: in, Flags: flags, Off: backends.FromSocket, Len: w.len, Done: y}
		y.drain = backends.Op{Code: backends.Splice, FD: out, In: head, Flags: flags | backends.Inline, Off: backends.FromPipe, Done: y}
	}
	r.ops = append(r.ops, &y.fill, &y.drain, &y.shut)
	r.loop.Submit(&y.fill)
	return y
}

func (y *relay) Complete(c *backends.Completion) {
	switch {
	case c.Op == &y.shut || c.Res < 0:
		y.ended, y.last = true, c.Res
	case c.Op == &y.drain:
		y.held -= int32(c.Res)
		y.empty()
	case c.Res == 0:
		y.loop.Submit(&y.shut)
	default:
		y.held = int32(c.Res)
		y.empty()
	}
}

// empty moves what the pipe holds on, then asks for more.
func (y *relay) empty() {
	for y.held > 0 {
		if y.drain.Len = y.held; !y.loop.Submit(&y.drain) {
			return
		}
		y.held = 0
	}
	y.loop.Submit(&y.fill)
}

// run dispatches until the relays have ended.
func (r *rig) run(relays ...*relay) {
	r.Helper()
	err := backends.Run(r.loop, func() bool {
		for _, y := range relays {
			if !y.ended {
				return false
			}
		}
		return true
	})
	if err != nil {
		r.Fatal(err)
	}
}
