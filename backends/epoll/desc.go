package epoll

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A desc is what the loop knows of one descriptor. With thousands of them each
// message finds its own out of the cache, so it is half a cache line.
type desc struct {
	in, out queue  // ops that wait to read (Recv, RecvFrom, Accept) and to write (Send, SendTo, Connect)
	gen     int32  // told from events of an earlier descriptor of the same number
	events  uint32 // interest the kernel knows of; 0: not added
	ready   bool   // it may hold data, connections or the end of file
	last    bool   // the peer has closed or failed: what is to be read no longer announces itself
	blocked bool   // a send fell short; room will be announced
	queued  bool   // it stands in Loop.run, or its turn goes on
	starved bool   // it stands in Loop.starved
	burst   burst  // of datagrams
}

// A queue is a list of ops linked through their loans. It is nearly always one
// op long, so it has no pointer to its end.
type queue struct{ head *backends.Op }

func (q *queue) push(op *backends.Op) {
	at := &q.head
	for *at != nil {
		at = &(*at).Loan.Next
	}
	*at = op
}

func (q *queue) pop() *backends.Op {
	op := q.head
	if op != nil {
		q.head, op.Loan.Next = op.Loan.Next, nil
	}
	return op
}

// remove takes op out from wherever it stands; false when it is not there.
func (q *queue) remove(op *backends.Op) bool {
	for at := &q.head; *at != nil; at = &(*at).Loan.Next {
		if *at == op {
			*at, op.Loan.Next = op.Loan.Next, nil
			return true
		}
	}
	return false
}

const readInterest = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET

// at is the state of fd, which must not be negative; the table grows with the
// largest descriptor seen.
func (l *Loop) at(fd int32) *desc {
	for int(fd) >= len(l.fds) {
		l.fds = append(l.fds, make([]desc, len(l.fds))...)
	}
	return &l.fds[fd]
}

// watch makes the kernel announce events on fd. The first call adds it. Asking
// for room again makes epoll look again: a send can fall short without the
// socket being full, and then no edge would follow.
func (l *Loop) watch(fd int32, d *desc, events uint32) unix.Errno {
	if d.events == events && events&unix.EPOLLOUT == 0 {
		return 0
	}
	call := unix.EPOLL_CTL_MOD
	if d.events == 0 {
		call = unix.EPOLL_CTL_ADD
	}
	l.Tally.Counters[backends.SysOther]++
	err := unix.EpollCtl(l.epfd, call, int(fd), &uapi.EpollEvent{Events: events, Fd: fd, Pad: d.gen})
	if err != nil {
		return err.(unix.Errno)
	}
	d.events = events
	return 0
}

// unwanted makes the kernel announce only what comes anew: what no op waits for, or
// there is no buffer for, would end every wait at once.
func (l *Loop) unwanted(fd int32, d *desc) {
	if d.events&unix.EPOLLET == 0 {
		l.watch(fd, d, d.events|unix.EPOLLET)
	}
}

// event notes what the kernel announced and sends what now fits.
func (l *Loop) event(ev *uapi.EpollEvent) {
	d := &l.fds[ev.Fd]
	if d.gen != ev.Pad {
		return
	}
	if ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 && d.burst.size == 0 {
		d.last = true
	}
	if ev.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		d.ready = true
		l.schedule(ev.Fd, d)
		if d.burst.size > 0 {
			d.burst.begin()
		}
		if !d.queued {
			l.unwanted(ev.Fd, d)
		}
	}
	if ev.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) == 0 {
		return
	}
	d.blocked = false
	if d.out.head == nil && d.events&unix.EPOLLOUT != 0 && !d.last {
		// Nobody waits for room. A Unix socket announces it after every
		// message that the peer reads, so interest without need costs
		// a wake-up each time.
		l.watch(ev.Fd, d, d.interest())
	}
	for d.out.head != nil && !d.blocked {
		l.write(ev.Fd, d)
	}
}

// starve has the receive of fd, which found no buffer, wait for one.
func (l *Loop) starve(fd int32, d *desc) {
	l.Tally.Counters[backends.NoBufs]++
	d.starved = true
	l.starved.Push(fd)
}

// resume lets a receive that found no buffer try again.
func (l *Loop) resume(fd int32) {
	d := &l.fds[fd]
	d.starved = false
	l.Tally.Counters[backends.Rearms]++
	l.schedule(fd, d)
}

// receive makes the first waiting read of fd and returns the bytes it moved.
func (l *Loop) receive(fd int32) int {
	d := &l.fds[fd]
	d.queued = false
	op := d.in.head
	if op == nil || !d.ready {
		return 0
	}
	moved := 0
	switch op.Code {
	case backends.Accept:
		l.acceptOne(fd, d, op)
		d = &l.fds[fd] // the table may have grown for the new descriptor
	case backends.RecvFrom:
		moved = l.recvDatagram(fd, d, op)
	case backends.Splice:
		moved = l.spliceOne(d, op)
	default:
		moved = l.recvOne(fd, d, op)
	}
	if d.ready {
		l.schedule(fd, d)
	}
	return moved
}

func (l *Loop) recvOne(fd int32, d *desc, op *backends.Op) int {
	buf, chosen := op.Buf, op.Flags&backends.SelectBuf != 0
	if chosen {
		if buf = l.pool.Get(); buf == nil {
			l.starve(fd, d)
			return 0
		}
	}
	l.Tally.Counters[backends.SysRecv]++
	n, e := l.recv(fd, buf, unix.MSG_DONTWAIT)
	if e != 0 || n == 0 {
		if chosen {
			l.pool.Put(buf)
		}
		l.nothing(d, op, e)
		return 0
	}
	l.Tally.Counters[backends.BytesIn] += uint64(n)
	if n < len(buf) {
		d.ready = d.last // drained; the next arrival is announced, but the end only once
	}
	switch {
	case !chosen:
		d.in.pop()
		l.finish(op, backends.Result(n), nil, false)
	case op.Flags&backends.Multishot == 0:
		d.in.pop()
		l.finish(op, backends.Result(n), buf[:n], false)
	default:
		c, _ := l.outcome()
		c.Op, c.Res, c.Buf, c.More = op, backends.Result(n), buf[:n], true
	}
	return n
}

// nothing judges a receive that brought no bytes.
func (l *Loop) nothing(d *desc, op *backends.Op, e unix.Errno) {
	switch e {
	case unix.EAGAIN:
		l.Tally.Counters[backends.Again]++
		d.ready, d.last = false, false
	case unix.EINTR:
		l.Tally.Counters[backends.Interrupts]++
	default:
		d.in.pop()
		l.finish(op, backends.Fail(e), nil, false)
	}
}

func (l *Loop) acceptOne(fd int32, d *desc, op *backends.Op) {
	l.Tally.Counters[backends.SysAccept]++
	n, e := l.accept(fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK) // see unblock
	switch e {
	case unix.EAGAIN:
		l.Tally.Counters[backends.Again]++
		d.ready = false
		return
	case unix.EINTR:
		l.Tally.Counters[backends.Interrupts]++
		return
	}
	multishot := e == 0 && op.Flags&backends.Multishot != 0
	if !multishot {
		d.in.pop()
	}
	if e == 0 {
		l.forget(int32(n)) // whatever had that number is gone
		l.unblocks(int32(n))
	}
	l.finish(op, result(n, e), nil, multishot)
}

// write makes the first waiting write of fd.
func (l *Loop) write(fd int32, d *desc) {
	op := d.out.head
	switch op.Code {
	case backends.Splice, backends.Sendfile:
		n, e := l.move(op)
		l.wrote(op, d, n, e)
		return
	case backends.Connect:
		l.Tally.Counters[backends.SysOther]++
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		d.out.pop()
		if err != nil {
			l.finish(op, backends.Fail(err.(unix.Errno)), nil, false)
			return
		}
		l.finish(op, backends.Fail(unix.Errno(code)), nil, false)
		return
	}
	n, e := l.transmit(op)
	l.wrote(op, d, n, e)
}

// transmit makes the call of a Send or a SendTo.
func (l *Loop) transmit(op *backends.Op) (int, unix.Errno) {
	l.Tally.Counters[backends.SysSend]++
	if op.Code == backends.SendTo {
		return l.sendDatagram(op)
	}
	return l.send(op.FD, op.Buf, unix.MSG_DONTWAIT|op.SendFlags())
}

// wrote judges a send that op, the first in line, has made.
func (l *Loop) wrote(op *backends.Op, d *desc, n int, e unix.Errno) {
	switch e {
	case unix.EAGAIN:
		l.Tally.Counters[backends.Again]++
		d.blocked = true
		if e = l.watch(op.FD, d, d.interest()|unix.EPOLLOUT); e == 0 {
			return // it stays first in line
		}
	case unix.EINTR:
		l.Tally.Counters[backends.Interrupts]++
		return
	case 0:
		l.Tally.Counters[backends.BytesOut] += uint64(n)
		if n > 0 && n < whole(op) {
			l.Tally.Counters[backends.ShortSends]++
			d.blocked = true
		}
	}
	d.out.pop()
	l.finish(op, result(n, e), nil, false)
}

// whole is how many bytes op asks to be sent, of which fewer may go; a datagram
// goes as a whole or not at all.
func whole(op *backends.Op) int {
	switch op.Code {
	case backends.Send:
		return len(op.Buf)
	case backends.Splice, backends.Sendfile:
		return int(op.Len)
	}
	return 0
}

func result(n int, e unix.Errno) backends.Result {
	if e != 0 {
		return backends.Fail(e)
	}
	return backends.Result(n)
}

// cancelAll ends every op that waits on fd.
func (l *Loop) cancelAll(fd int32) {
	d := &l.fds[fd]
	for op := d.in.pop(); op != nil; op = d.in.pop() {
		l.finish(op, backends.Fail(unix.ECANCELED), nil, false)
	}
	for op := d.out.pop(); op != nil; op = d.out.pop() {
		l.finish(op, backends.Fail(unix.ECANCELED), nil, false)
	}
}

// forget clears what is known of fd, whose number may come back as another file.
func (l *Loop) forget(fd int32) {
	d := l.at(fd)
	if w := int(fd) / 64; w < len(l.nonblock) {
		l.nonblock[w] &^= 1 << (fd % 64)
	}
	*d = desc{gen: d.gen + 1, queued: d.queued, starved: d.starved}
}
