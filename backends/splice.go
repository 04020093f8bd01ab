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

// pipeful is what sendfile(2) hands to a socket at a time: 16 pages, as a pipe holds
// (splice_direct_to_actor in fs/splice.c, PIPE_DEF_BUFFERS).
const pipeful = 16 * PageSize

// Corks reports whether o is a Sendfile during which FD is to have TCP_CORK, which
// is cleared at its end. Without it, an acknowledgement that comes in between two
// pipefuls sends off what is left of the first and fills no segment, as TCP_NODELAY
// is set. One pipeful goes out at once.
func (o *Op) Corks() bool { return o.Code == Sendfile && o.Len > pipeful }

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
