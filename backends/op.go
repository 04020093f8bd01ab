package backends

import (
	"golang.org/x/sys/unix"
)

// A Code says what an Op does.
type Code uint8

// The operations. Res of a Completion is a count of bytes or a descriptor where
// the comment says so, else 0; a failure is -errno.
const (
	Nop      Code = iota
	Accept        // FD listens. Res: the new descriptor (close-on-exec). Multishot.
	Connect       // FD to Addr.
	Recv          // FD into Buf, or into a buffer of the loop's with SelectBuf. Res: bytes, 0 at end of file. Multishot with SelectBuf.
	Send          // Buf to FD. Res: bytes, which may be fewer than len(Buf); the owner sends the rest.
	Shutdown      // FD; Off is unix.SHUT_RD, SHUT_WR or SHUT_RDWR.
	Close         // FD. Ops in flight on FD complete with -ECANCELED (or what they achieved) first.
	Timeout       // Off nanoseconds from Submit. Res: -ETIME.
	Cancel        // Target. Res: 0, -ENOENT (it was complete) or -EALREADY (too late to stop; it will complete by itself).
	// LinkTimeout limits the op before it, which carries Link: after Off
	// nanoseconds that one ends with -ECANCELED and this one with -ETIME; if
	// that one ends in time, this one ends with -ECANCELED. Loops that cannot
	// do so answer -EINVAL.
	LinkTimeout
	// ReadAt reads FD from byte Off into Buf, or into a buffer of the loop's with
	// SelectBuf, which the loop takes before it reads: the op waits for Recycle
	// when there is none. Res: bytes, which may be fewer than len(Buf), 0 at the
	// end of the file.
	ReadAt
	WriteAt   // Buf to FD at byte Off. Res: bytes, which may be fewer than len(Buf).
	Fsync     // FD: data and attributes are on the device when it completes.
	Fdatasync // FD: data, and of the attributes what reading it back needs.
	// Splice moves up to Len bytes from In to FD, one of which is a pipe, within
	// the kernel; Off is FromSocket, FromPipe or, if In is a file, the byte to
	// read from. It waits for the socket only, for the kernel's EAGAIN does not
	// tell which side it means: the owner fills a pipe that is empty, and
	// empties one that holds bytes, of which Len is best the number. It closes
	// a pipe, by a Close op too, when no op uses it, and submits a Shutdown of a
	// socket, which may overtake a splice, when those to it are complete. A
	// socket becomes O_NONBLOCK where a splice would block the loop else. Res:
	// bytes, 0 when In has ended; fewer than Len say nothing of the socket, as a
	// pipe is full when its slots are, with however little. Loops without
	// Traits.Splices answer -EINVAL.
	Splice
	// Sendfile moves up to Len bytes from byte Off of the file In to the socket
	// FD, within the kernel. The socket may become O_NONBLOCK. Res: bytes, 0 at
	// the end of the file. Reading the file may block, so that Len bounds how long
	// other ops wait. Loops without Traits.Sendfile answer -EINVAL.
	Sendfile
	// Copy moves all that comes from the socket In to the socket FD, by whatever
	// means the loop knows, until In has ended. Res: 0; then the owner shuts FD
	// down. A Close of either ends it. After an error or a Cancel bytes may be
	// lost between the two. Loops without Traits.Copies answer -EINVAL.
	Copy
	// RecvFrom takes a datagram of the socket FD into Buf and its sender's
	// address into Addr, where that is not nil; or, with SelectBuf, both into a
	// buffer of the loop's, which Datagram takes apart, so that a multishot has a
	// place for each. Res: bytes of the datagram, which may be none, and more
	// than there are in Buf where it was cut for want of room. Package net does
	// not tell of that: on its loops Res is what fitted. Multishot with SelectBuf.
	RecvFrom
	// SendTo sends Buf as one datagram by FD to Addr; or, with SelectBuf, the
	// datagram in Buf to the address there, as a RecvFrom with SelectBuf laid
	// them out. Res: bytes of the datagram.
	SendTo
	numCodes
)

var codeNames = [numCodes]string{"nop", "accept", "connect", "recv", "send", "shutdown", "close", "timeout", "cancel", "link-timeout",
	"read-at", "write-at", "fsync", "fdatasync", "splice", "sendfile", "copy", "recv-from", "send-to"}

// OnFile reports whether c is carried out on a file, where it takes the time
// that the device takes and nothing announces that it would not block.
func (c Code) OnFile() bool { return c >= ReadAt && c <= Fdatasync }

func (c Code) String() string {
	if c < numCodes {
		return codeNames[c]
	}
	return "code?"
}

// Flags modify an Op.
type Flags uint8

const (
	// Multishot keeps an Accept, a Recv or a RecvFrom armed: it completes once
	// for every connection or arrival, with More set, until it fails, is
	// cancelled or (Recv) meets the end of file. A loop that runs out of buffers
	// for a multishot receive resumes it by itself when Recycle brings one back.
	Multishot Flags = 1 << iota
	// SelectBuf lets the loop choose the buffer when data is there, so that
	// an idle connection holds none. The Completion carries it; give it back
	// with Recycle. On a SendTo it says that Buf is such a buffer.
	SelectBuf
	// Inline, on a Send, SendTo, Splice or Sendfile, lets Submit report at once
	// that all bytes are on their way, as a program written for readiness would
	// see it from send(2).
	// A loop that cannot know so early completes the op as any other.
	Inline
	// Fixed, on an Accept, lets the loop keep the connection in a table of its
	// own: Res is then good only for ops on that loop, which carry Fixed too,
	// and the connection ends with the loop. A full table is -ENFILE, and costs
	// the connection that did not fit. On a Splice the flag speaks of the
	// socket; pipes and files are always plain descriptors.
	// A loop without such a table gives a plain descriptor and ignores the flag.
	Fixed
	// ZeroCopy, on a Send, asks the kernel to send from Buf itself. The
	// Completion with the count then has More set, and one with Res 0 and
	// More unset follows when Buf is no longer in use; a Close of FD does not
	// wait for it. A send that fails has one Completion, with More unset. A
	// loop that does not send so ignores the flag, and its one Completion has
	// More unset.
	ZeroCopy
	// Link makes the op submitted next, before the next Wait, wait for the
	// success of this one; if this one fails or falls short, the next completes
	// with -ECANCELED. A Send succeeds when all of Buf is on its way, for which
	// a loop that links waits; a ReadAt or WriteAt when all of the buffer is
	// moved; a Timeout when its time has come; the others with a Res of 0 or more. A loop that cannot link (Traits.Links) starts both at
	// once, so with it the flag must only be set where that is correct as well.
	Link
	// Followed, on a Send, says that the owner sends more to FD as soon as this
	// is done, so that the kernel may wait for it with what fills no segment
	// (MSG_MORE, send(2)). A loop whose sends take no flags ignores it.
	Followed
	// Prompt, on an op without Link, has it and what was submitted before it go to
	// the kernel at once, not with the next Wait: a device is idle while its next
	// requests are collected. It costs a call an op. A loop that does not collect
	// them, or whose submissions a thread of the kernel takes, ignores it.
	Prompt
)

var flagNames = [...]string{"multishot", "select-buf", "inline", "fixed", "zero-copy", "link", "followed", "prompt"}

// A Handler receives the completions of the ops that name it, one by one; what
// it is pointed to is there until it returns.
type Handler interface {
	Complete(*Completion)
}

// An Op is one I/O request. Its owner embeds it (in a connection, say), so
// submitting it allocates nothing. What every message touches comes first, in
// one cache line.
type Op struct {
	Code  Code
	Flags Flags
	FD    int32
	Done  Handler // called by Run; a loop only carries it
	Buf   []byte  // Recv, RecvFrom and ReadAt without SelectBuf, Send, SendTo, WriteAt; from an Arena
	Loan  Loan    // the loop's; owners leave it alone

	Off    int64 // nanoseconds for Timeout, the direction for Shutdown, the byte of a file, FromSocket, FromPipe
	Addr   *Addr // Connect, RecvFrom, SendTo
	Target *Op   // Cancel
	In     int32 // Splice, Sendfile, Copy: where the bytes come from
	Len    int32 // Splice, Sendfile: at most so many
}

// A Loan is what a loop notes in an Op while it is lent. Only loops use it.
type Loan struct {
	Slot uint32 // index+1 in the loop's table; 0: not lent
	Gen  uint32
	Next *Op // intrusive queue link
}

// Lent reports whether a loop holds the op.
func (o *Op) Lent() bool { return o.Loan.Slot != 0 }

// SendFlags are those of send(2) that a Send asks for.
func (o *Op) SendFlags() int {
	if o.Flags&Followed != 0 {
		return unix.MSG_NOSIGNAL | unix.MSG_MORE
	}
	return unix.MSG_NOSIGNAL
}

// A Result is a count of bytes, a descriptor, or -errno.
type Result int32

// Err is nil for a success and the unix.Errno otherwise.
func (r Result) Err() error {
	if r >= 0 {
		return nil
	}
	return unix.Errno(-r)
}

// Fail is the Result that reports errno.
func Fail(errno unix.Errno) Result { return Result(-int32(errno)) }

// Canceled reports whether the op ended because it was cancelled.
func (r Result) Canceled() bool { return r == Fail(unix.ECANCELED) }

// A Completion is one outcome of an Op.
type Completion struct {
	Op   *Op
	Res  Result
	Buf  []byte // the loop's buffer, filled to Res, when the op asked for SelectBuf and Res > 0; of a RecvFrom see Datagram
	More bool   // the op is still lent: a multishot that goes on
}

// An Addr is a socket address in the kernel's own form.
type Addr struct {
	Raw unix.RawSockaddrAny
	Len uint32
}
