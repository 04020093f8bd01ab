package uring

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A Request is an operation of io_uring that the contract has no code for. A
// constructor such as OpenAt or Timeout makes it, Loop.SubmitRequest starts it,
// and an Op stands for it, so that completions, Cancel, Close and the loan work
// as they do for every other operation:
//
//	ring := loop.(*uring.Loop)
//	op := &backends.Op{Done: opened} // its handler gets the descriptor as Res
//	err := ring.SubmitRequest(op, uring.OpenAt(unix.AT_FDCWD, "/etc/motd", unix.O_RDONLY|unix.O_CLOEXEC, 0))
//
// A result of the call of the same name in section 2 of the manual that is not
// negative is the completion's Res, an error is -errno.
//
// The kernel reads and writes the memory of a request (paths, buffers, iovecs,
// structures to be filled in) after SubmitRequest has returned. All of it hangs
// on the Request by ordinary Go pointers, and the Loop holds the Request until
// the final completion: so it is reachable and not freed; it is on the heap,
// because what a Request keeps escapes; and Go's heap does not move, unlike its
// stacks. An address is made an integer when it is written to the ring, or where
// a structure of the kernel's wants one, with the pointer kept beside it. Like
// Op.Buf, that memory is lent: nobody else writes it, nor reads what the kernel
// is to fill, until the final completion.
//
// A Request can be submitted again when its loan has ended.
type Request struct {
	sqe uapi.SQE // but for the addresses and user_data

	addr, addr2, addr3 unsafe.Pointer // memory that the fields of those names point to
	keep               any            // memory that only integers point to

	bufs  [][]byte // data: lent like Op.Buf
	fills bool     // the kernel writes to bufs

	selects bool                    // the kernel chooses a buffer of the loop's
	opens   bool                    // Res is a new descriptor
	onFD    bool                    // a Close of the descriptor ends the request first
	target  *backends.Op            // the op to update or remove
	matches func(*Loop, *slot) bool // the ops to cancel
	before  func()                  // makes ready what the kernel is to fill in
	after   func()                  // brings home what it did
	err     error                   // what is wrong with the arguments
	link    uint8                   // flag of all but the last of a chain
	hard    bool                    // the chain goes on after a failure
	lent    bool
}

// request is the Code of an Op that stands for a Request. The contract knows no
// such code, so that Submit refuses it.
const request backends.Code = 0xff

// newRequest makes a request on a descriptor, or on none where fd is negative.
func newRequest(opcode uint8, fd int) *Request {
	r := &Request{onFD: fd >= 0}
	r.sqe.Opcode, r.sqe.FD = opcode, int32(fd)
	if fd != int(r.sqe.FD) {
		r.err = fmt.Errorf("uring: descriptor %d is out of range", fd)
	}
	return r
}

// Async has a kernel thread run the request from the start (IOSQE_ASYNC), rather
// than when it is found to block.
func (r *Request) Async() *Request {
	r.sqe.Flags |= uapi.SQEAsync
	return r
}

// Drain starts the request when all that was submitted before it has completed,
// and what is submitted after it later still (IOSQE_IO_DRAIN).
func (r *Request) Drain() *Request {
	r.sqe.Flags |= uapi.SQEIODrain
	return r
}

// SubmitRequest starts r in the name of op, both of which are lent until the
// final completion. Done of op is the caller's to set; the rest of op is the
// loop's.
//
// An error means that nothing was started and nothing is lent: the request makes
// no sense, or, an *backends.Unavailable, this kernel does not know it. What
// else the kernel has to say comes with the completion. Requests that complete
// more than once (PollMulti, TimeoutEvery, a message sent with ZeroCopy) have
// More set but for the last time; but for ReadMulti, the loop does not start them
// again by itself.
func (l *Loop) SubmitRequest(op *backends.Op, r *Request) error {
	if err := l.refuses(r); err != nil {
		return err
	}
	r.link = 0
	i := l.takeRequest(op, r)
	if errno := l.arrange(i, r); errno != 0 {
		l.finish(i, backends.Fail(errno))
		return nil
	}
	l.enqueue(i)
	return nil
}

// refuses is an error when r cannot be started here.
func (l *Loop) refuses(r *Request) error {
	if l.closed {
		panic("backends/uring: a request on a closed loop")
	}
	if r.err != nil {
		return r.err
	}
	if r.selects && l.bufs == nil {
		return &backends.Unavailable{
			Backend: "uring",
			Why:     "this loop has no ring of buffers for the kernel to choose from (IORING_REGISTER_PBUF_RING, Linux 5.19)",
			Remedy:  "use a newer kernel, or a variant with bufring",
		}
	}
	return l.knows(r.sqe.Opcode)
}

// takeRequest lends op and r a slot.
func (l *Loop) takeRequest(op *backends.Op, r *Request) uint32 {
	if op.Lent() || r.lent {
		panic("backends/uring: a request or its op is lent already")
	}
	if l.chains != nil {
		l.endChain() // requests have SubmitChain for that
	}
	op.Code, op.Flags, op.FD = request, 0, r.sqe.FD
	if r.selects {
		op.Flags = backends.Multishot | backends.SelectBuf
	}
	i := l.take(op)
	if l.requests == nil {
		l.requests = map[uint32]*Request{}
	}
	l.requests[i] = r
	r.lend(l.poison)
	return i
}

// arrange settles what a request has to do with others. An error is its result.
func (l *Loop) arrange(i uint32, r *Request) unix.Errno {
	if r.onFD {
		switch k := l.place(r.sqe.FD); {
		case r.sqe.FD >= maxFD:
			return unix.EBADF
		case int(k) >= len(l.fds):
		case l.fds[k].closing != 0:
			return unix.EBADF
		case r.sqe.Opcode == uapi.OpClose && l.fds[k].head != 0:
			// They would hold the file, and their descriptor could not be told from its successor.
			return unix.EBUSY
		case r.sqe.Opcode == uapi.OpClose:
			l.forgetFile(r.sqe.FD)
			l.fds[k] = fdOps{} // the number may come back as another file
		}
	}
	if r.target != nil {
		data := userData(r.target.Loan.Slot, r.target.Loan.Gen)
		j, t := l.find(data)
		if t == nil || t.op != r.target || t.state == done {
			return unix.ENOENT
		}
		l.slots[i].target = l.request(j)
		if r.sqe.OpFlags&uapi.TimeoutUpdate != 0 && l.opcode(j) == uapi.OpLinkTimeout {
			r.sqe.OpFlags |= uapi.LinkTimeoutUpdate
		}
	}
	if r.matches != nil {
		l.slots[i].res = l.cancelMatching(i, r)
	}
	if r.onFD {
		l.joinFD(i, l.place(r.sqe.FD))
	}
	return 0
}

// place is where Loop.fds has a descriptor: behind the slots of the file table.
func (l *Loop) place(fd int32) int32 { return l.files + fd }

// prepRequest completes the submission entry of slot i.
func (l *Loop) prepRequest(e *uapi.SQE, i uint32) {
	r := l.requests[i]
	data := e.UserData
	*e = r.sqe
	e.UserData = data
	e.Flags |= r.link
	if r.addr != nil {
		e.Addr = uint64(uintptr(r.addr))
	}
	if r.addr2 != nil {
		e.Off = uint64(uintptr(r.addr2))
	}
	if r.addr3 != nil {
		e.Addr3 = uint64(uintptr(r.addr3))
	}
	if r.target != nil {
		e.Addr = l.slots[i].target
	}
}

// requestDone is complete for requests.
func (l *Loop) requestDone(c *backends.Completion, i uint32, res backends.Result, flags uint32) bool {
	r := l.requests[i]
	if res >= 0 {
		if r.after != nil {
			r.after()
		}
		if l.draining {
			l.abandon(r, res)
		}
	}
	if r.selects {
		return l.selected(c, i, res, flags)
	}
	if flags&uapi.CQEFMore != 0 {
		*c = backends.Completion{Op: l.slots[i].op, Res: res, More: true}
		return true
	}
	if r.matches != nil {
		res = l.slots[i].matched(res)
	}
	return l.final(c, i, res)
}

// selected goes on with a request for which the kernel chooses buffers as with a
// multishot Recv.
func (l *Loop) selected(c *backends.Completion, i uint32, res backends.Result, flags uint32) bool {
	buf := l.received(&l.slots[i], res, flags)
	switch {
	case res > 0:
		return l.progress(c, i, res, buf, flags)
	case res < 0:
		return l.failed(c, i, res)
	}
	return l.final(c, i, 0)
}

// abandon closes what a request opened for an owner who will not hear of it.
func (l *Loop) abandon(r *Request, res backends.Result) {
	switch {
	case r.opens:
		l.count(backends.SysOther)
		_ = unix.Close(int(res))
	case r.sqe.Opcode == uapi.OpPipe && r.sqe.FileIndex == 0:
		for _, fd := range *(*[2]int32)(r.addr) {
			l.count(backends.SysOther)
			_ = unix.Close(int(fd))
		}
	}
}

// returnRequest ends the loan of the request of op.
func (l *Loop) returnRequest(op *backends.Op) {
	r := l.requests[op.Loan.Slot]
	if r == nil {
		return // the op went to Submit, which refused it
	}
	delete(l.requests, op.Loan.Slot)
	r.lent = false
	for _, b := range r.bufs {
		backends.Unlend(b, r.fills)
	}
}

func (r *Request) lend(poison bool) {
	r.lent = true
	if r.before != nil {
		r.before()
	}
	for _, b := range r.bufs {
		if poison && r.fills {
			backends.Poison(b)
		}
		backends.Lend(b, r.fills)
	}
}

// data makes r move bytes from or to one buffer.
func (r *Request) data(b []byte, fills bool) *Request {
	r.addr, r.sqe.Len = unsafe.Pointer(unsafe.SliceData(b)), length(b)
	r.bufs, r.fills = [][]byte{b}, fills
	return r
}

// vector makes r move bytes from or to several.
func (r *Request) vector(bufs [][]byte, fills bool) *Request {
	iov := iovecs(bufs)
	r.addr, r.sqe.Len = unsafe.Pointer(unsafe.SliceData(iov)), uint32(len(iov))
	r.bufs, r.fills = bufs, fills
	return r
}

func iovecs(bufs [][]byte) []unix.Iovec {
	iov := make([]unix.Iovec, len(bufs))
	for i, b := range bufs {
		iov[i].Base = unsafe.SliceData(b)
		iov[i].SetLen(len(b))
	}
	return iov
}

// str is s as C has it. A zero byte within s is an error of the request.
func (r *Request) str(what, s string) unsafe.Pointer {
	p, err := unix.BytePtrFromString(s)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("uring: %s %q has a zero byte in it, which no system call can take", what, s)
	}
	return unsafe.Pointer(p)
}

// words is two 32-bit fields that lie, in this order, where the entry has one of
// 64 bits.
func words(first, second uint32) uint64 {
	if bigEndian {
		first, second = second, first
	}
	return uint64(second)<<32 | uint64(first)
}
