package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/pattern"
)

// OpenIdle opens n connections that are to be silent while the load is on. Each
// has one message answered first, so that the server is known to serve it, and
// one more by Stop. The load has not been started.
func (g *Generator) OpenIdle(n int) (err error) {
	if g.idle, err = dial(g.cfg.Network, g.cfg.Address, g.cfg.Conns, n); err != nil {
		return err
	}
	for _, fd := range g.idle {
		tv := unix.NsecToTimeval(int64(g.patience))
		if err := errors.Join(unix.SetsockoptTimeval(int(fd), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv),
			unix.SetsockoptTimeval(int(fd), unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)); err != nil {
			return fmt.Errorf("set a time-out: %w", err)
		}
	}
	return g.askIdle("on opening")
}

// askIdle has a message answered on every idle connection, and demands it back.
func (g *Generator) askIdle(when string) error {
	const few = 64 // at a time: as many as are outstanding in a load
	for from := 0; from < len(g.idle); from += few {
		some := g.idle[from:min(from+few, len(g.idle))]
		for i, fd := range some {
			if err := sendAll(int(fd), g.question(from+i)); err != nil {
				return g.idleLost(from+i, when, err)
			}
		}
		for i, fd := range some {
			want := g.question(from + i)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(socket(fd), got); err != nil {
				return g.idleLost(from+i, when, err)
			}
			if !bytes.Equal(got, want) {
				return fmt.Errorf("idle %w", wrongByte(from+i, got, want, 0, len(want)))
			}
		}
	}
	return nil
}

// question is what idle connection i sends: not more than fits any socket's
// buffers, so that sending it before reading cannot block.
func (g *Generator) question(i int) []byte {
	at := pattern.Place(g.cfg.Conns + i)
	return g.pattern.Mem[at : at+min(g.cfg.Size, 4096)]
}

func (g *Generator) idleLost(i int, when string, err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the server closed it")
	case errors.Is(err, unix.EAGAIN):
		err = fmt.Errorf("no answer for %v; does the server serve so many at a time?", g.patience.Round(time.Millisecond))
	}
	return fmt.Errorf("idle connection %d of %d was lost when asked %s: %w", i, len(g.idle), when, err)
}

// A socket is a blocking one, to be read.
type socket int32

// Read implements io.Reader.
func (s socket) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(s), b)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func sendAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.SendmsgN(fd, b, nil, nil, unix.MSG_NOSIGNAL)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		b = b[max(n, 0):]
	}
	return nil
}
