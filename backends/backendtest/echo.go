package backendtest

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A mode is how an owner receives.
type mode int

const (
	ownBuffer mode = iota // into memory of its own
	selectBuf             // into a buffer that the loop chooses, one at a time
	multishot             // the same, armed once
)

var modes = []mode{ownBuffer, selectBuf, multishot}

func (m mode) String() string { return [...]string{"own-buffer", "select-buf", "multishot"}[m] }

func (m mode) flags() backends.Flags {
	return [...]backends.Flags{0, backends.SelectBuf, backends.SelectBuf | backends.Multishot}[m]
}

// An echo sends back what it receives until the end of the stream, then closes
// its half. One send is in flight at a time; what arrives meanwhile waits.
type echo struct {
	loop       backends.Loop
	mode       mode
	recv, send backends.Op
	shut       backends.Op
	own        []byte
	queue      [][]byte // received, not yet sent; the first is being sent
	eof        bool
	ended      bool // the last completion is in
	last       backends.Result
	total      int
}

func newEcho(l backends.Loop, fd int32, m mode, own []byte) *echo {
	return newEchoWith(l, fd, m, own, 0)
}

// newEchoWith is newEcho with more flags on every op.
func newEchoWith(l backends.Loop, fd int32, m mode, own []byte, flags backends.Flags) *echo {
	e := &echo{loop: l, mode: m, own: own, queue: make([][]byte, 0, 64)}
	e.recv = backends.Op{Code: backends.Recv, Flags: m.flags() | flags, FD: fd, Done: e}
	if m == ownBuffer {
		e.recv.Buf = own
	}
	e.send = backends.Op{Code: backends.Send, Flags: backends.Inline | flags, FD: fd, Done: e}
	e.shut = backends.Op{Code: backends.Shutdown, Flags: flags, FD: fd, Off: unix.SHUT_WR, Done: e}
	l.Submit(&e.recv)
	return e
}

func (e *echo) Complete(c *backends.Completion) {
	switch {
	case c.Op == &e.shut:
		e.ended = true
	case c.Op == &e.recv:
		e.received(*c)
	case c.Res < 0:
		e.end(c.Res)
	default:
		e.sent(int(c.Res))
	}
}

func (e *echo) received(c backends.Completion) {
	if c.Res <= 0 {
		e.end(c.Res)
		return
	}
	e.total += int(c.Res)
	b := c.Buf
	if e.mode == ownBuffer {
		b = e.own[:c.Res]
	}
	e.queue = append(e.queue, b)
	if len(e.queue) == 1 {
		e.send.Buf = b
		e.submitSend()
	}
}

func (e *echo) sent(n int) {
	if n < len(e.send.Buf) {
		e.send.Buf = e.send.Buf[n:]
		e.submitSend()
		return
	}
	if e.mode != ownBuffer {
		e.loop.Recycle(e.queue[0])
	}
	e.queue = e.queue[:copy(e.queue, e.queue[1:])]
	switch {
	case len(e.queue) > 0:
		e.send.Buf = e.queue[0]
		e.submitSend()
	case e.eof:
		e.loop.Submit(&e.shut)
	case e.mode != multishot:
		e.loop.Submit(&e.recv)
	}
}

func (e *echo) submitSend() {
	if e.loop.Submit(&e.send) {
		e.sent(len(e.send.Buf))
	}
}

// end is the end of the stream, in order or not.
func (e *echo) end(res backends.Result) {
	e.last, e.eof = res, true
	if res < 0 {
		e.ended = true
	} else if len(e.queue) == 0 {
		e.loop.Submit(&e.shut)
	}
}

// converse sends messages of the given sizes to an echo, each after the one
// before came back, compares every byte, then half-closes and expects the end.
func converse(p peer, stream int, sizes []int) error {
	offset := 0
	for _, n := range sizes {
		if err := exchange(p, stream, offset, n, n); err != nil {
			return errors.Join(err, p.Close())
		}
		offset += n
	}
	if err := p.CloseWrite(); err != nil {
		return err
	}
	if n, err := p.Read(make([]byte, 1)); err != io.EOF {
		return fmt.Errorf("after the half-close the peer read %d bytes, %v; expected the end of the stream", n, err)
	}
	return nil
}

// exchange sends n bytes in pieces and compares what comes back, at once, so
// that neither side's socket has to hold them all.
func exchange(p peer, stream, offset, n, piece int) error {
	sent := make(chan error, 1)
	go func() {
		msg := make([]byte, n)
		pattern(msg, stream, offset)
		for len(msg) > 0 {
			k := min(piece, len(msg))
			if _, err := p.Write(msg[:k]); err != nil {
				sent <- err
				return
			}
			msg = msg[k:]
		}
		sent <- nil
	}()
	back := make([]byte, n)
	if k, err := io.ReadFull(p, back); err != nil {
		p.SetDeadline(time.Now()) // the sender need not wait either
		return errors.Join(fmt.Errorf("%d of %d bytes came back: %w", k, n, err), <-sent)
	}
	if err := <-sent; err != nil {
		return err
	}
	return differs(back, stream, offset)
}
