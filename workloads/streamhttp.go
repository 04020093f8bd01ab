package workloads

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/backends"
)

// How a client comes by the file.
const (
	Raw  = "raw"  // by connecting
	HTTP = "http" // by GET of any path; HTTP/1.1, as far as a client that only downloads needs it
)

// Protocols are those of a server of a file.
var Protocols = []string{Raw, HTTP}

// CheckProtocol says what is wrong with the name of one, as its user sees it.
func CheckProtocol(name string) error {
	if slices.Contains(Protocols, name) {
		return nil
	}
	return fmt.Errorf("unknown --protocol %q: known are %s", name, strings.Join(Protocols, ", "))
}

// HTTPHead is what precedes a file of so many bytes.
func HTTPHead(bytes int64) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", bytes)
}

// replies are what a request is answered by, in memory that may be lent.
type replies struct {
	file       []byte // and the file after it
	bad        []byte // and the end of the connection, as after the next
	notAllowed []byte
}

func newReplies(bytes int64) (*replies, error) {
	const rest = "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	all := []string{HTTPHead(bytes), "HTTP/1.1 400 Bad Request" + rest, "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET" + rest}
	arena, err := backends.NewArena(len(all) * backends.PageSize)
	if err != nil {
		return nil, err
	}
	kept := func(s string) []byte {
		b := arena.Bytes(len(s))
		copy(b, s)
		return b
	}
	return &replies{kept(all[0]), kept(all[1]), kept(all[2])}, nil
}

// requestMost is how many bytes a request may have.
const requestMost = backends.PageSize

// An asking is how one connection asks for the file: by one request after the
// other. The next is looked at when the last byte of the file is on its way.
type asking struct {
	conn *streamConn
	buf  []byte // what has come
	got  int    // bytes of it
	last bool   // the connection ends with the answer
	recv backends.Op
	send backends.Op // of a reply
}

func newAsking(c *streamConn) (*asking, error) {
	arena, err := backends.NewArena(requestMost)
	if err != nil {
		return nil, err
	}
	return &asking{conn: c, buf: arena.Bytes(requestMost)}, nil
}

func (a *asking) begin(to end) {
	a.got, a.last = 0, false
	a.recv = backends.Op{Code: backends.Recv, Flags: to.flags, FD: to.fd, Done: a}
	a.send = backends.Op{Code: backends.Send, FD: to.fd, Done: a}
	a.receive()
}

func (a *asking) receive() {
	a.recv.Buf = a.buf[a.got:]
	a.conn.submit(&a.recv)
}

// Complete receives the outcome of a Recv, or of the Send of a reply.
func (a *asking) Complete(x *backends.Completion) {
	a.conn.completed(x)
	n := int(x.Res)
	switch {
	case n < 0 || n == 0 && x.Op == &a.recv:
		a.conn.close()
	case x.Op == &a.recv:
		a.got += n
		a.look()
	case n < len(a.send.Buf):
		a.reply(a.send.Buf[n:])
	default:
		a.conn.advance()
	}
	a.conn.settle()
}

// next goes on when what was asked for is on its way.
func (a *asking) next() {
	switch {
	case a.last:
		a.conn.close()
	case a.got > 0:
		a.look()
	default:
		a.receive()
	}
}

// look answers the request that has come, or receives more of it.
func (a *asking) look() {
	r := readRequest(a.buf[:a.got])
	if r.kind == partial {
		if a.got < len(a.buf) {
			a.receive()
			return
		}
		r.kind = bad
	}
	a.got = copy(a.buf, a.buf[r.size:a.got])
	a.last = r.last || r.kind != whole
	c, answers := a.conn, a.conn.loop.replies
	a.send.Flags = c.to.flags | backends.Inline
	switch r.kind {
	case bad:
		a.reply(answers.bad)
	case otherMethod:
		a.reply(answers.notAllowed)
	default:
		if c.off = 0; c.loop.bytes > 0 {
			a.send.Flags |= backends.Followed
		}
		a.reply(answers.file)
	}
}

func (a *asking) reply(b []byte) {
	a.send.Buf = b
	if !a.conn.closing && a.conn.submit(&a.send) {
		a.conn.advance()
	}
}

// A request is what some bytes begin with.
type request struct {
	kind requestKind
	size int  // bytes of a whole one
	last bool // of a whole one: the client wants no more than that
}

type requestKind uint8

const (
	partial     requestKind = iota // more has to come
	whole                          // a GET without a body
	otherMethod                    // not a GET
	bad
)

// readRequest says what b begins with.
func readRequest(b []byte) request {
	const get = "GET /"
	n := min(len(b), len(get))
	switch c := b[0]; {
	case string(b[:n]) == get[:n]:
	case bytes.HasPrefix(b, []byte(get[:4])) || c < 'A' || c > 'Z':
		return request{kind: bad}
	default:
		return request{kind: otherMethod}
	}
	r := request{kind: partial}
	for first := true; ; first = false {
		line, rest, ok := bytes.Cut(b[r.size:], []byte("\r\n"))
		switch {
		case !ok:
			return request{kind: partial}
		case first:
			ok, r.last = requestLine(line)
		case len(line) == 0:
			r.kind, r.size = whole, len(b)-len(rest)
			return r
		default:
			ok = r.field(line)
		}
		if !ok {
			return request{kind: bad}
		}
		r.size = len(b) - len(rest)
	}
}

// requestLine reports whether the line, which begins as one of a GET, is in order,
// and whether the connection ends with the answer, by the protocol's version.
func requestLine(b []byte) (ok, last bool) {
	target, version, _ := bytes.Cut(b[len("GET "):], []byte(" "))
	last = string(version) == "HTTP/1.0"
	return len(target) > 0 && (last || string(version) == "HTTP/1.1"), last
}

// field takes note of a field of the head; false where it is none, or one of a
// request that has a body.
func (r *request) field(line []byte) bool {
	name, value, ok := bytes.Cut(line, []byte(":"))
	switch value = bytes.TrimSpace(value); {
	case bytes.EqualFold(name, []byte("connection")):
		r.last = r.last || bytes.EqualFold(value, []byte("close"))
	case bytes.EqualFold(name, []byte("content-length")):
		return string(value) == "0"
	case bytes.EqualFold(name, []byte("transfer-encoding")):
		return false
	}
	return ok && len(name) > 0
}
