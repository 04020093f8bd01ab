package gonet

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// addMove notes a Copy or a Sendfile, which use two descriptors.
func (l *loop) addMove(op *backends.Op) {
	if errno := op.BadMove(); errno != 0 {
		l.push(op, backends.Fail(errno))
		return
	}
	d, err := l.wrapped(op.FD, op.Code)
	var from *desc
	switch {
	case err != nil:
	case op.Code == backends.Copy:
		from, err = l.wrapped(op.In, backends.Recv)
	default:
		from, err = l.opened(op.In)
	}
	if err != nil {
		l.push(op, result(err))
		return
	}
	e := l.entry(op, d)
	e.from = from
	l.ops = append(l.ops, e)
}

// wrapped is a descriptor made ready for code.
func (l *loop) wrapped(fd int32, code backends.Code) (*desc, error) {
	d := l.find(fd)
	calls, err := d.wrap(code)
	l.tally.Counters[backends.SysOther] += calls
	if err == nil {
		l.keep(d)
	}
	return d, err
}

// opened is a file's descriptor with an open file of the loop's own.
func (l *loop) opened(fd int32) (*desc, error) {
	d := l.find(fd)
	if d.anew != nil {
		return d, nil
	}
	l.tally.Counters[backends.SysOther]++
	f, err := os.Open("/proc/self/fd/" + strconv.Itoa(int(fd)))
	if errors.Is(err, fs.ErrNotExist) {
		err = unix.EBADF
	}
	if err != nil {
		return nil, err
	}
	d.anew = f
	l.keep(d)
	return d, nil
}

// move makes the call of a Copy or a Sendfile.
func (e *entry) move() {
	var from io.Reader = e.from.conn
	if e.op.Code == backends.Sendfile {
		if _, e.err = e.from.anew.Seek(e.op.Off, io.SeekStart); e.err != nil {
			return
		}
		from = &io.LimitedReader{R: e.from.anew, N: int64(e.op.Len)}
	}
	var n int64
	n, e.err = io.Copy(e.desc.conn, from)
	e.n = int(n)
}

// movedOn ends a Copy or a Sendfile.
func (l *loop) movedOn(e *entry) {
	l.tally.Counters[backends.BytesOut] += uint64(e.n)
	res := result(e.err)
	switch {
	case e.op.Code == backends.Copy:
		l.tally.Counters[backends.BytesIn] += uint64(e.n)
	case e.n > 0:
		res = backends.Result(e.n)
		if e.n < int(e.op.Len) {
			l.tally.Counters[backends.ShortSends]++
		}
	}
	l.finish(e, res, nil)
}
