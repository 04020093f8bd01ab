package backendtest

import (
	"fmt"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// source is a file of a stream's first n bytes, to be read.
func (r *rig) source(stream, n int) int32 {
	r.Helper()
	fd, _ := r.file(stream, n, unix.O_RDONLY)
	return fd
}

// listenFrom demands the bytes of a stream from one offset to another, slowly at
// first, and its end.
func listenFrom(p peer, stream, from, to int) error {
	b := make([]byte, 3001)
	for offset := from; ; {
		k, err := p.Read(b)
		if err == io.EOF && offset == to {
			return nil
		}
		if err != nil {
			return fmt.Errorf("at byte %d of %d: %w", offset, to, err)
		}
		if err := differs(b[:k], stream, offset); err != nil {
			return err
		}
		offset += k
	}
}

// sendfile sends files from odd offsets to readers that are slower than the
// loop, two at once from one descriptor, whose position it leaves alone.
func sendfile(t *testing.T, b backends.Backend) {
	const size = 300_000
	if !b.Traits().Sendfile {
		return
	}
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := open(t, b, backends.Config{})
			file := r.source(2, size)
			var ops []*backends.Op
			starts := []int{0, 54_321}
			done := make(chan error, len(starts))
			for _, start := range starts {
				fd, p := r.pair(network)
				if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<14); err != nil {
					t.Fatal(err)
				}
				ops = append(ops, &backends.Op{Code: backends.Sendfile, FD: fd, In: file, Off: int64(start), Len: 100_000})
				go func() { done <- listenFrom(p, 2, start, size) }()
			}
			r.submit(ops...)
			for left := len(ops); left > 0; {
				c := r.next()
				switch {
				case c.Res < 0 || int(c.Res) > int(c.Op.Len) || c.More:
					t.Fatalf("sendfile: %d (%v), more %v", c.Res, c.Res.Err(), c.More)
				case c.Res == 0:
					left--
					unix.Shutdown(int(c.Op.FD), unix.SHUT_WR)
				default:
					c.Op.Off += int64(c.Res)
					r.submit(c.Op)
				}
			}
			for range ops {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if at, err := unix.Seek(int(file), 0, io.SeekCurrent); at != 0 || err != nil {
				t.Errorf("the file's position is %d, %v", at, err)
			}
			r.closeFD(file)
			r.silence()
		})
	}
}

// sendfileCancel calls a Sendfile to a reader that does not read off, and ends
// one by a Close.
func sendfileCancel(t *testing.T, b backends.Backend) {
	const size = 4 << 20
	if !b.Traits().Sendfile {
		return
	}
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, p := r.pair(network)
			if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
				t.Fatal(err)
			}
			r.submit(&backends.Op{Code: backends.Timeout, Off: int64(patience)}) // see spliceClogged
			op := &backends.Op{Code: backends.Sendfile, FD: fd, In: r.source(2, size), Len: 50_000}
			sent := 0
			for {
				r.submit(op)
				for range 3 {
					if len(r.ready) > 0 || r.wait(1, quiet) > 0 {
						break
					}
				}
				if len(r.ready) == 0 {
					break
				}
				c := r.nextOf(op)
				if c.Res <= 0 {
					t.Fatalf("sendfile: %d (%v)", c.Res, c.Res.Err())
				}
				sent += int(c.Res)
				op.Off += int64(c.Res)
			}
			cancel := &backends.Op{Code: backends.Cancel, Target: op}
			r.submit(cancel)
			last := r.final(op, cancel)
			if c := last[op]; c.Res > 0 { // it had begun
				r.mayBeLate(last[cancel])
				sent += int(c.Res)
				op.Off += int64(c.Res)
			} else {
				r.want(last[cancel], 0)
				r.fails(c, unix.ECANCELED)
			}
			r.submit(op)
			cl := &backends.Op{Code: backends.Close, FD: fd}
			r.submit(cl)
			for closed := false; !closed; {
				switch c := r.next(); {
				case c.Op == cl:
					r.want(c, 0)
					closed = true
				case c.Res > 0:
					sent += int(c.Res)
				default:
					r.fails(c, unix.ECANCELED)
				}
			}
			delete(r.fds, fd)
			if op.Lent() {
				t.Error("the Close came before the end of the Sendfile")
			}
			if err := listenFrom(p, 2, 0, sent); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Corked demands that b, which calls sendfile(2) by *call, has the socket corked
// while that sends more than what goes out at once, and at no other time: what is
// left corked would wait for 200 ms.
func Corked(t *testing.T, b backends.Backend, call *func(out, in int32, off int64, n int) (int, unix.Errno)) {
	corked := func(fd int32) bool {
		on, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK)
		if err != nil {
			t.Fatal(err)
		}
		return on != 0
	}
	var during bool
	made := *call
	*call = func(out, in int32, off int64, n int) (int, unix.Errno) {
		during = corked(out)
		return made(out, in, off, n)
	}
	r := open(t, b, backends.Config{})
	fd, p := r.pair("tcp")
	op := &backends.Op{Code: backends.Sendfile, FD: fd, In: r.source(2, 1<<18)}
	const pipeful = 64 << 10
	done := make(chan error)
	go func() { done <- listenFrom(p, 2, 0, 2*pipeful+1) }()
	for _, size := range []int{pipeful, pipeful + 1} {
		for to := op.Off + int64(size); op.Off < to; {
			op.Len = int32(to - op.Off)
			op.Off += int64(r.must(op).Res)
			if want := op.Len > pipeful; during != want || corked(fd) {
				t.Errorf("for %d bytes the socket was corked: %v, and is: %v", op.Len, during, corked(fd))
			}
		}
	}
	unix.Shutdown(int(fd), unix.SHUT_WR)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
