package backendtest

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

var streamChecks = []check{
	{"odd-sizes", false, oddSizes},
	{"both-directions-at-once", false, duplex},
	{"partial-sends", false, partialSends},
	{"end-of-file", false, endOfFile},
	{"reset", false, reset},
	{"half-close-by-peer", false, halfCloseByPeer},
	{"half-close-by-owner", false, halfCloseByOwner},
	{"shutdown-of-receive-side", false, shutdownRead},
}

// oddSizes echoes messages around every boundary that an implementation may
// trip over, in every mode, with waits that end and waits that do not.
func oddSizes(t *testing.T, b backends.Backend) {
	sizes := []int{1, 2, 63, 64, 65, 1000, 4095, 4096, 4097, 8191, 12289, 65535, 65537, 100001, 1}
	for _, network := range networks {
		for _, m := range modes {
			for _, timeout := range []time.Duration{-1, time.Second} {
				t.Run(fmt.Sprintf("%s/%s/%v", network, m, timeout), func(t *testing.T) {
					r := open(t, b, backends.Config{Bufs: 8})
					fd, p := r.pair(network)
					e := newEcho(r.loop, fd, m, r.buf(4096))
					done := make(chan error, 1)
					go func() { done <- converse(p, 5, sizes) }()
					for !e.ended {
						r.wait(1, timeout)
						batch := r.ready
						r.ready = nil
						backends.Dispatch(batch)
					}
					if err := <-done; err != nil {
						t.Fatal(err)
					}
					if e.last != 0 {
						t.Fatalf("the stream ended with %v", e.last.Err())
					}
					r.closeFD(fd)
				})
			}
		}
	}
}

// duplex: a receive that waits does not hinder sends on the same descriptor.
func duplex(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		for _, m := range modes {
			t.Run(network+"/"+m.String(), func(t *testing.T) {
				r := open(t, b, backends.Config{})
				fd, p := r.pair(network)
				recv := r.recvOp(fd, m, 512)
				send := &backends.Op{Code: backends.Send, FD: fd, Buf: r.buf(300)}
				pattern(send.Buf, 2, 0)
				r.submit(recv)
				r.silence()
				for range 3 {
					r.transfer(send)
					back := make([]byte, 300)
					if _, err := io.ReadFull(p, back); err != nil {
						t.Fatal(err)
					}
					r.same(back, 2, 0)
				}
				r.put(p, 4, 0, 77)
				r.received(recv, m, 4, 0, 77)
			})
		}
	}
}

// recvOp is a receive in one of the modes.
func (r *rig) recvOp(fd int32, m mode, size int) *backends.Op {
	op := &backends.Op{Code: backends.Recv, FD: fd, Flags: m.flags()}
	if m == ownBuffer {
		op.Buf = r.buf(size)
	}
	return op
}

// received demands that op, in flight, delivers n bytes of a stream in however
// many completions, and gives the buffers back. One-shot ops are submitted
// again until all is there, and then no more.
func (r *rig) received(op *backends.Op, m mode, stream, offset, n int) {
	r.Helper()
	for got := 0; got < n; {
		c := r.nextOf(op)
		if c.Res <= 0 || int(c.Res) > n-got {
			r.Fatalf("recv on %d: result %d (%v) after %d of %d bytes", op.FD, c.Res, c.Res.Err(), got, n)
		}
		if c.More != (m == multishot) {
			r.Fatalf("recv (%v) on %d: %d bytes with more %v", m, op.FD, c.Res, c.More)
		}
		b := c.Buf
		if m == ownBuffer {
			if b != nil {
				r.Fatal("a completion carries a buffer that the loop was not asked to choose")
			}
			b = op.Buf[:c.Res]
		}
		if len(b) != int(c.Res) {
			r.Fatalf("recv on %d: result %d with a buffer of %d", op.FD, c.Res, len(b))
		}
		r.same(b, stream, offset+got)
		got += int(c.Res)
		if m != ownBuffer {
			r.loop.Recycle(b)
		}
		if got < n {
			r.rearm(op, m)
		}
	}
}

// rearm submits op again unless it still is in flight.
func (r *rig) rearm(op *backends.Op, m mode) {
	if m != multishot {
		r.submit(op)
	}
}

// partialSends sends far more than the socket holds to a peer that is slow to
// read. The owner sends the rest until all is gone.
func partialSends(t *testing.T, b backends.Backend) {
	const total = 1 << 18
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, p := r.pair(network)
			if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
				t.Fatal(err)
			}
			data := r.buf(total)
			pattern(data, 6, 0)
			done := make(chan error, 1)
			go func() { done <- readSlowly(p, 6, total) }()
			short := uint64(0)
			send := &backends.Op{Code: backends.Send, FD: fd}
			for sent := 0; sent < total; {
				send.Buf = data[sent:]
				c := r.must(send)
				if c.Res == 0 || int(c.Res) > total-sent {
					t.Fatalf("a send of %d bytes moved %d", total-sent, c.Res)
				}
				if sent += int(c.Res); sent < total {
					short++
				}
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			r.wait(0, 0)
			if c := r.loop.Counters(); c[backends.ShortSends] != short || c[backends.BytesOut] != total {
				t.Errorf("counters say %d short sends and %d bytes; the owner saw %d and %d",
					c[backends.ShortSends], c[backends.BytesOut], short, total)
			}
		})
	}
}

// readSlowly reads n bytes in small pieces, with pauses at first so that the
// sender's socket is full for certain.
func readSlowly(p peer, stream, n int) error {
	b := make([]byte, 3001)
	for offset := 0; offset < n; {
		if offset < 20000 {
			time.Sleep(time.Millisecond)
		}
		k, err := p.Read(b[:min(len(b), n-offset)])
		if err != nil {
			return err
		}
		if err := differs(b[:k], stream, offset); err != nil {
			return err
		}
		offset += k
	}
	return nil
}

// endOfFile: what was sent before the end arrives before it; the end is a 0
// without a buffer and the last word of a multishot; asking again gives 0 again.
func endOfFile(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		for _, m := range modes {
			for _, armed := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/armed-first=%v", network, m, armed), func(t *testing.T) {
					r := open(t, b, backends.Config{})
					fd, p := r.pair(network)
					op := r.recvOp(fd, m, 4096)
					if armed {
						r.submit(op)
						r.silence()
					}
					r.put(p, 8, 0, 5000)
					p.Close()
					if !armed {
						r.submit(op)
					}
					r.received(op, m, 8, 0, 5000)
					r.rearm(op, m)
					for range 2 {
						r.ended(op)
						r.submit(op)
					}
					r.ended(op)
					r.silence()
				})
			}
		}
	}
}

// ended demands that op meets the end of the stream.
func (r *rig) ended(op *backends.Op) {
	r.Helper()
	c := r.nextOf(op)
	r.want(c, 0)
	if c.More || c.Buf != nil {
		r.Fatalf("at the end of the stream more is %v and the buffer has %d bytes", c.More, len(c.Buf))
	}
}

// reset: a connection that the peer aborts is ECONNRESET, not an end of file,
// and a send on it is an error and not a signal.
func reset(t *testing.T, b backends.Backend) {
	for _, m := range modes {
		for _, armed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/armed-first=%v", m, armed), func(t *testing.T) {
				r := open(t, b, backends.Config{})
				fd, p := r.pair("tcp")
				op := r.recvOp(fd, m, 4096)
				if armed {
					r.submit(op)
					r.silence()
				}
				if err := p.(*net.TCPConn).SetLinger(0); err != nil {
					t.Fatal(err)
				}
				p.Close()
				if !armed {
					r.submit(op)
				}
				r.fails(r.nextOf(op), unix.ECONNRESET)
				send := &backends.Op{Code: backends.Send, FD: fd, Buf: r.buf(10)}
				r.fails(r.do(send), unix.EPIPE)
				r.closeFD(fd)
				r.silence()
			})
		}
	}
}

func halfCloseByPeer(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		for _, m := range modes {
			t.Run(network+"/"+m.String(), func(t *testing.T) {
				r := open(t, b, backends.Config{})
				fd, p := r.pair(network)
				op := r.recvOp(fd, m, 4096)
				r.submit(op)
				r.put(p, 9, 0, 10)
				p.CloseWrite()
				r.received(op, m, 9, 0, 10)
				r.rearm(op, m)
				r.ended(op)
				send := &backends.Op{Code: backends.Send, FD: fd, Buf: r.buf(2000)}
				pattern(send.Buf, 10, 0)
				r.transfer(send)
				r.closeFD(fd)
				back, err := io.ReadAll(p)
				if err != nil || len(back) != 2000 {
					t.Fatalf("the peer read %d bytes: %v", len(back), err)
				}
				r.same(back, 10, 0)
			})
		}
	}
}

func halfCloseByOwner(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		for _, m := range modes {
			t.Run(network+"/"+m.String(), func(t *testing.T) {
				r := open(t, b, backends.Config{})
				fd, p := r.pair(network)
				op := r.recvOp(fd, m, 4096)
				r.submit(op)
				r.silence()
				send := &backends.Op{Code: backends.Send, FD: fd, Buf: r.buf(100)}
				pattern(send.Buf, 11, 0)
				r.transfer(send)
				r.want(r.must(&backends.Op{Code: backends.Shutdown, FD: fd, Off: unix.SHUT_WR}), 0)
				back, err := io.ReadAll(p)
				if err != nil || len(back) != 100 {
					t.Fatalf("the peer read %d bytes: %v", len(back), err)
				}
				r.fails(r.do(send), unix.EPIPE)
				r.put(p, 12, 0, 6000)
				r.received(op, m, 12, 0, 6000)
				r.rearm(op, m)
				p.Close()
				r.ended(op)
			})
		}
	}
}

func shutdownRead(t *testing.T, b backends.Backend) {
	for _, network := range networks {
		for _, m := range modes {
			t.Run(network+"/"+m.String(), func(t *testing.T) {
				r := open(t, b, backends.Config{})
				fd, _ := r.pair(network)
				op := r.recvOp(fd, m, 4096)
				r.submit(op)
				r.silence()
				shut := &backends.Op{Code: backends.Shutdown, FD: fd, Off: unix.SHUT_RD}
				r.submit(shut)
				last := r.final(op, shut)
				r.want(last[shut], 0)
				r.want(last[op], 0)
				r.silence()
			})
		}
	}
}
