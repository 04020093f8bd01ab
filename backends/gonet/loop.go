package gonet

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/fifo"
)

type loop struct {
	config backends.Config
	corks  bool
	tally  backends.Tally

	last  *desc // the descriptor used last: nearly always the one used next
	descs map[int32]*desc

	ops     []*entry // in order of submission
	free    []*entry // to be used again
	running int      // entries on goroutines
	timers  backends.Timers
	done    fifo.Queue[backends.Completion]
	passed  int // Waits in a row that made no call although ops were pending

	pool  *backends.Pool // mapped at first use
	back  chan *entry    // entries whose goroutine has ended
	timer *time.Timer
}

// Submit notes the op. Only what cannot block is done here.
func (l *loop) Submit(op *backends.Op) (done bool) {
	if op.Lent() {
		panic("backends: " + op.Code.String() + " submitted while it is lent")
	}
	op.Loan = backends.Loan{Slot: 1}
	switch op.Code {
	case backends.Nop:
		l.push(op, 0)
	case backends.Accept, backends.Connect, backends.Recv, backends.Send, backends.RecvFrom, backends.SendTo,
		backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync:
		l.add(op)
	case backends.Sendfile, backends.Copy:
		l.addMove(op)
	case backends.Shutdown:
		l.tally.Counters[backends.SysOther]++
		l.push(op, result(unix.Shutdown(int(op.FD), int(op.Off))))
	case backends.Close:
		l.cancelAll(op.FD)
		l.ops = append(l.ops, l.entry(op, l.find(op.FD)))
	case backends.Timeout:
		if op.Off < 0 {
			l.push(op, backends.Fail(unix.EINVAL))
			return false
		}
		l.timers.Add(op)
	case backends.Cancel:
		l.cancel(op)
	default:
		l.push(op, backends.Fail(unix.EINVAL))
	}
	return false
}

func (l *loop) add(op *backends.Op) {
	d := l.last
	if d == nil || d.fd != op.FD {
		d = l.find(op.FD)
	}
	if err := l.prepare(op, d); err != nil {
		l.push(op, result(err))
		return
	}
	e := l.entry(op, d)
	switch {
	case e.selects():
	case receives(op.Code), op.Code == backends.ReadAt:
		e.buf = op.Buf
		if l.config.Poison {
			backends.Poison(op.Buf)
		}
		backends.Lend(op.Buf, true)
	case sends(op.Code), op.Code == backends.WriteAt:
		backends.Lend(op.Buf, false)
	}
	l.ops = append(l.ops, e)
}

// prepare makes what op needs, and says what is wrong with it.
func (l *loop) prepare(op *backends.Op, d *desc) error {
	selects := op.Flags&backends.SelectBuf != 0
	switch {
	case op.Code == backends.Recv && op.Flags&backends.Multishot != 0 && !selects,
		op.Code == backends.Connect && op.Addr == nil, (op.Code == backends.ReadAt || op.Code == backends.WriteAt) && op.Off < 0:
		return unix.EINVAL
	case l.badDatagram(op) != 0:
		return l.badDatagram(op)
	case (receives(op.Code) || op.Code == backends.ReadAt) && selects && l.pool == nil:
		p, err := backends.NewPool(l.config.Bufs, l.config.BufSize, l.config.Poison)
		if err != nil {
			return unix.ENOMEM
		}
		l.pool = p
	}
	calls, err := d.wrap(op.Code)
	l.tally.Counters[backends.SysOther] += calls
	if err == nil && isDatagram(op.Code) && d.packets() == nil {
		err = unix.ENOTSOCK
	}
	if err == nil {
		l.keep(d)
	}
	return err
}

func (l *loop) entry(op *backends.Op, d *desc) *entry {
	n := len(l.free)
	if n == 0 {
		return &entry{op: op, desc: d}
	}
	e := l.free[n-1]
	l.free = l.free[:n-1]
	*e = entry{op: op, desc: d}
	return e
}

// find is what the loop knows of a descriptor. One that is new is known only
// when it is kept.
func (l *loop) find(fd int32) *desc {
	if d, ok := l.descs[fd]; ok {
		return d
	}
	d := &desc{fd: fd}
	if d.conn = accepted.take(fd); d.conn != nil {
		d.own = true
		l.keep(d)
	}
	return d
}

func (l *loop) keep(d *desc) {
	if l.last == d {
		return
	}
	if l.descs == nil {
		l.descs = make(map[int32]*desc)
	}
	l.descs[d.fd] = d
	l.last = d
}

// cancel ends op's target if it is still pending. While a goroutine has the
// target, the Cancel waits to learn who was first.
func (l *loop) cancel(op *backends.Op) {
	if op.Target != nil && l.timers.Cancel(op.Target) {
		l.push(op.Target, backends.Fail(unix.ECANCELED))
		l.push(op, 0)
		return
	}
	for _, e := range l.ops {
		if e.op != op.Target {
			continue
		}
		switch {
		case e.op.Code == backends.Close, e.running && e.op.Code.OnFile():
			l.push(op, backends.Fail(unix.EALREADY))
		case e.running:
			op.Loan.Next, e.cancels = e.cancels, op
			l.stop(e)
		default:
			l.finish(e, backends.Fail(unix.ECANCELED), nil)
			l.push(op, 0)
		}
		return
	}
	l.push(op, backends.Fail(unix.ENOENT))
}

// stop makes a running call end soon, but for one on a file, which no deadline
// ends.
func (l *loop) stop(e *entry) {
	if e.op.Code.OnFile() {
		return
	}
	e.cancelled = true
	e.desc.kick(e.op.Code)
	if e.op.Code == backends.Copy {
		e.from.kick(backends.Recv)
	}
}

// cancelAll ends every op on fd.
func (l *loop) cancelAll(fd int32) {
	for _, e := range slices.Clone(l.ops) {
		switch {
		case e.op.FD != fd && (e.from == nil || e.op.In != fd), e.op.Code == backends.Close:
		case e.running:
			l.stop(e)
		default:
			l.finish(e, backends.Fail(unix.ECANCELED), nil)
		}
	}
}

// Recycle gives a buffer back.
func (l *loop) Recycle(buf []byte) { l.pool.Put(buf) }

// Close ends the calls that run, waits for their goroutines and returns every
// loan. Connections that Accept brought are left for another loop.
func (l *loop) Close() error {
	for _, e := range l.ops {
		if e.running {
			l.stop(e)
		}
	}
	for l.running > 0 {
		l.report(<-l.back)
	}
	for _, e := range slices.Clone(l.ops) {
		l.finish(e, backends.Fail(unix.ECANCELED), nil)
	}
	for op := l.timers.Pop(); op != nil; op = l.timers.Pop() {
		op.Loan = backends.Loan{}
	}
	for l.done.Len() > 0 {
		c := l.done.Pop()
		if c.Op.Code == backends.Accept && c.Res >= 0 { // no one will ever know this descriptor
			if conn := accepted.take(int32(c.Res)); conn != nil {
				conn.Close()
			}
		}
		c.Op.Loan = backends.Loan{}
	}
	var errs []error
	for fd, d := range l.descs {
		errs = append(errs, d.release())
		if d.own {
			accepted.put(fd, d.conn)
		}
	}
	l.descs, l.last = nil, nil
	l.tally.Publish()
	if l.pool != nil {
		errs = append(errs, l.pool.Close())
		l.pool = nil
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close a net loop: %w", err)
	}
	return nil
}

// Counters is the work done so far, as far as package net shows it.
func (l *loop) Counters() backends.Counters { return l.tally.Read() }
