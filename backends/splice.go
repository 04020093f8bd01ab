package backends

import "golang.org/x/sys/unix"

// Off of a Splice says what In is: a file, to be read from that byte, or one of
// these. FD is a pipe, but for FromPipe.
const (
	FromSocket int64 = -1 - iota
	FromPipe         // to the socket FD
)

// What the feature splice does, see Traits.Splicing, and what it needs.
const (
	SpliceDoc   = "what is only passed on stays in the kernel: splice(2) through a pipe, in place of receive and send"
	SpliceSince = "splice, Linux 2.6.17"
)

// What the feature sendfile does, see Traits.Sendfiling, and what it needs.
const (
	SendfileDoc   = "a file goes to a socket by sendfile(2), in place of read and send"
	SendfileSince = "sendfile, Linux 2.6.33 to any descriptor"
)

// Socket is the descriptor whose readiness o waits for, of which Fixed speaks
// and whose Close ends o: In of a Splice from a socket, else FD.
func (o *Op) Socket() int32 {
	if o.Code == Splice && o.Off == FromSocket {
		return o.In
	}
	return o.FD
}

// BadMove is what is wrong with a Splice, Sendfile or Copy that no loop should
// try, or 0.
func (o *Op) BadMove() unix.Errno {
	switch {
	case o.FD < 0 || o.In < 0:
		return unix.EBADF
	case o.Code != Copy && o.Len <= 0, // which would look like the end
		o.Code == Splice && o.Off < FromPipe,
		o.Code == Sendfile && o.Off < 0:
		return unix.EINVAL
	}
	return 0
}
