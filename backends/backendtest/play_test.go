package backendtest_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

type action int

const (
	peerSend action = iota
	peerEnd
	peerReset
	recvOwn
	recvChosen
	recvMulti
	sendSome
	cancelRecv
	shutRd
	shutWr
	closeIt
	reopen
	burst
	actions
)

var actionNames = [actions]string{"peer-send", "peer-end", "peer-reset", "recv-own", "recv-chosen", "recv-multishot",
	"send", "cancel", "shut-rd", "shut-wr", "close", "reopen", "burst"}

const (
	lines    = 3    // connections: unix, tcp, unix
	bufSize  = 1024 // of the loop's buffers
	deadline = 60 * time.Second
)

var sizes = [8]int{1, 7, 64, 500, 1023, 1024, 1025, 3000}

// A game is a program played on one backend.
type game struct {
	*testing.T
	b     backends.Backend
	loop  backends.Loop
	dst   []backends.Completion
	lines [lines]*line
	arena *backends.Arena
	wait  time.Duration // of every Wait that must bring something
	log   []string
}

// play runs program on b and fails when anything differs from the model. The
// waits end after wait, or never when it is negative: blocking loops do
// different things then.
func play(t *testing.T, b backends.Backend, wait time.Duration, program []byte) {
	loop, err := b.Open(backends.Config{Entries: 4, Bufs: 4, BufSize: bufSize, Poison: true})
	if err != nil {
		t.Fatal(err)
	}
	arena, err := backends.NewArena(1 << 17)
	if err != nil {
		t.Fatal(err)
	}
	g := &game{T: t, b: b, wait: wait, loop: loop, arena: arena, dst: make([]backends.Completion, 4)}
	defer g.end()
	for i := range g.lines {
		g.lines[i] = &line{index: i, recvBuf: arena.Bytes(4096)}
		g.connect(g.lines[i])
	}
	send := arena.Bytes(4096)
	for i := 0; i+1 < len(program) && i < 200; i += 2 {
		what := int(program[i]) % (int(actions) * lines)
		l := g.lines[what%lines]
		do, size := action(what/lines), sizes[program[i+1]%8]
		g.log = append(g.log, fmt.Sprintf("%s %d on line %d", actionNames[do], size, l.index))
		g.act(l, do, size, send)
		g.nothingMore()
	}
}

func (g *game) end() {
	if g.loop == nil {
		return
	}
	if err := g.loop.Close(); err != nil {
		g.Error(err)
	}
	for _, l := range g.lines {
		if l == nil {
			continue
		}
		if l.recv.Lent() {
			g.Errorf("the receive of line %d is lent after the loop was closed", l.index)
		}
		if !l.closed {
			unix.Close(int(l.fd))
		}
		l.peer.Close()
	}
	g.arena.Free()
}

func (g *game) fail(format string, args ...any) {
	g.Helper()
	g.Fatalf("%s: %s\nafter\n  %s", g.b.Name(), fmt.Sprintf(format, args...), strings.Join(g.log, "\n  "))
}

// act does one thing, if it makes sense now, and waits for all that follows.
func (g *game) act(l *line, do action, size int, sendBuf []byte) {
	if do != burst && l.closed != (do == reopen) {
		return
	}
	switch do {
	case burst:
		g.burst(min(size, 64), sendBuf)
	case reopen:
		l.peer.Close()
		g.connect(l)
	case peerSend, peerEnd, peerReset:
		g.byPeer(l, do, size)
	case recvOwn, recvChosen, recvMulti:
		g.receive(l, recvKind(do-recvOwn)+own, size)
	case sendSome:
		g.send(l, sendBuf[:size])
	case cancelRecv:
		g.cancel(l)
	case shutRd, shutWr:
		g.shutdown(l, do)
	case closeIt:
		g.close(l)
	}
}

func (g *game) byPeer(l *line, do action, size int) {
	switch {
	case do == peerSend && l.peerCanSend():
		msg := make([]byte, size)
		fill(msg, l.index, l.sent)
		if _, err := l.peer.Write(msg); err != nil {
			g.fail("the peer cannot write: %v", err)
		}
		l.sent += size
		l.inbox += size
	case do == peerEnd && !l.peerGone && !l.peerEOF:
		l.peer.(interface{ CloseWrite() error }).CloseWrite()
		l.peerEOF = true
	case do == peerReset && !l.peerGone:
		if c, ok := l.peer.(*net.TCPConn); ok {
			c.SetLinger(0)
		}
		l.peer.Close()
		l.reset()
	default:
		return
	}
	if l.armed != none {
		g.settle(l)
		return
	}
	g.visible(l)
}

func (g *game) receive(l *line, kind recvKind, size int) {
	if l.armed != none {
		return
	}
	l.recv = backends.Op{Code: backends.Recv, FD: l.fd}
	l.armed, l.room = kind, bufSize
	switch kind {
	case own:
		l.recv.Buf = l.recvBuf[:size]
		l.room = size
	case chosen:
		l.recv.Flags = backends.SelectBuf
	case multi:
		l.recv.Flags = backends.SelectBuf | backends.Multishot
	}
	g.loop.Submit(&l.recv)
	g.settle(l)
}

// settle waits for what the model says that the armed receive does now.
func (g *game) settle(l *line) {
	want := l.model.settle()
	bytes := 0
	for bytes < want.bytes || want.ended && l.recv.Lent() {
		c := g.next(fmt.Sprintf("line %d: %d of %d bytes, ended %v with %d", l.index, bytes, want.bytes, want.ended, want.res))
		if c.Op != &l.recv {
			g.fail("%v on %d completed with %d; expected was the receive of line %d", c.Op.Code, c.Op.FD, c.Res, l.index)
		}
		if c.Res > 0 {
			bytes += int(c.Res)
			g.took(l, c)
		}
		if !c.More {
			if !want.ended || int32(c.Res) != want.res || bytes != want.bytes {
				g.fail("line %d: the receive ended with %d after %d bytes; expected: ended %v with %d after %d",
					l.index, c.Res, bytes, want.ended, want.res, want.bytes)
			}
			return
		}
	}
	if bytes != want.bytes {
		g.fail("line %d: %d bytes were received, expected %d", l.index, bytes, want.bytes)
	}
}

// took checks what a receive brought and gives the buffer back.
func (g *game) took(l *line, c backends.Completion) {
	b := c.Buf
	if b == nil {
		b = l.recvBuf[:c.Res]
	}
	want := make([]byte, len(b))
	fill(want, l.index, l.got)
	if string(want) != string(b) {
		g.fail("line %d: wrong bytes from offset %d on", l.index, l.got)
	}
	l.got += len(b)
	if c.Buf != nil {
		g.loop.Recycle(c.Buf)
	}
}

func (g *game) send(l *line, b []byte) {
	fill(b, l.index+10, l.returned)
	op := &backends.Op{Code: backends.Send, FD: l.fd, Buf: b}
	if l.index > 0 {
		op.Flags = backends.Inline
	}
	want := l.model.send(len(b))
	if !g.loop.Submit(op) {
		g.expect(op, want)
	} else if l.index == 0 || int(want) != len(b) || op.Lent() {
		g.fail("line %d: Submit calls a send of %d bytes done; expected was %d", l.index, len(b), want)
	}
	if want > 0 {
		back := make([]byte, want)
		if _, err := io.ReadFull(l.peer, back); err != nil || string(back) != string(b) {
			g.fail("line %d: the peer read something else than was sent: %v", l.index, err)
		}
		l.returned += len(b)
	}
}

// burst sends on every line at once, among other ops, more than the queue
// holds, before any Wait; the outcomes come in any order.
func (g *game) burst(size int, buf []byte) {
	want := map[*backends.Op]int32{}
	add := func(op *backends.Op, res int32) {
		want[op] = res
		g.loop.Submit(op)
	}
	idle := &backends.Op{Code: backends.Nop} // never submitted
	for i, l := range g.lines {
		add(&backends.Op{Code: backends.Nop}, 0)
		add(&backends.Op{Code: backends.Cancel, Target: idle}, -int32(unix.ENOENT))
		add(&backends.Op{Code: backends.Timeout, Off: int64(i)}, -int32(unix.ETIME))
		if !l.closed {
			b := buf[i*64:][:size]
			fill(b, l.index+10, l.returned)
			add(&backends.Op{Code: backends.Send, FD: l.fd, Buf: b}, l.model.send(size))
		}
	}
	for range len(want) {
		c := g.next("a burst")
		res, mine := want[c.Op]
		if !mine || int32(c.Res) != res || c.More {
			g.fail("in a burst %v on %d completed with %d, more %v; expected was %d", c.Op.Code, c.Op.FD, c.Res, c.More, res)
		}
		delete(want, c.Op)
	}
	for i, l := range g.lines {
		if l.closed || l.shutWr || l.peerGone {
			continue
		}
		back := make([]byte, size)
		if _, err := io.ReadFull(l.peer, back); err != nil || string(back) != string(buf[i*64:][:size]) {
			g.fail("line %d: the peer read something else than was sent: %v", l.index, err)
		}
		l.returned += size
	}
}

// expect waits for op's only completion.
func (g *game) expect(op *backends.Op, res int32) {
	c := g.next(fmt.Sprintf("%v on %d", op.Code, op.FD))
	if c.Op != op || int32(c.Res) != res || c.More {
		g.fail("%v on %d completed with %d, more %v; expected was %v on %d with %d",
			c.Op.Code, c.Op.FD, c.Res, c.More, op.Code, op.FD, res)
	}
}

func (g *game) cancel(l *line) {
	op := &backends.Op{Code: backends.Cancel, Target: &l.recv}
	g.loop.Submit(op)
	if l.armed == none {
		g.expect(op, -int32(unix.ENOENT))
		return
	}
	l.armed = none
	for range 2 { // in any order
		switch c := g.next("a cancelled receive"); c.Op {
		case op:
			if c.Res != 0 {
				g.fail("line %d: cancel: %d", l.index, c.Res)
			}
		case &l.recv:
			if !c.Res.Canceled() || c.More {
				g.fail("line %d: the cancelled receive completed with %d, more %v", l.index, c.Res, c.More)
			}
		default:
			g.fail("%v completed with %d", c.Op.Code, c.Res)
		}
	}
}

func (g *game) shutdown(l *line, do action) {
	if !l.canShutdown() {
		return
	}
	op := &backends.Op{Code: backends.Shutdown, FD: l.fd, Off: unix.SHUT_WR}
	if do == shutWr {
		l.shutWr = true
		g.loop.Submit(op)
		g.expect(op, 0)
		return
	}
	op.Off = unix.SHUT_RD
	l.shutRd = true
	want := l.model.settle() // of the armed receive, if there is one
	g.loop.Submit(op)
	awaited := 1
	if want.ended {
		awaited = 2
	}
	for range awaited { // in any order
		c := g.next("a shutdown of the receiving side")
		if c.Op != op && (c.Op != &l.recv || !want.ended) || c.Res != 0 || c.More {
			g.fail("%v on %d completed with %d, more %v", c.Op.Code, c.Op.FD, c.Res, c.More)
		}
	}
}

func (g *game) close(l *line) {
	op := &backends.Op{Code: backends.Close, FD: l.fd}
	g.loop.Submit(op)
	if l.armed != none {
		g.expect(&l.recv, -int32(unix.ECANCELED))
		l.armed = none
	}
	g.expect(op, 0)
	l.closed = true
	if _, err := unix.FcntlInt(uintptr(l.fd), unix.F_GETFD, 0); err == nil {
		g.fail("line %d: descriptor %d is open after its Close", l.index, l.fd)
	}
	if l.peerGone {
		return
	}
	// An end, or a reset where bytes were left unread.
	if n, err := l.peer.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		g.fail("line %d: after the close the peer read %d bytes, %v", l.index, n, err)
	}
}

// next is one completion, which must come.
func (g *game) next(awaited string) backends.Completion {
	end := time.Now().Add(deadline)
	for time.Now().Before(end) {
		n, err := g.loop.Wait(g.dst[:1], 1, g.wait)
		if err != nil {
			g.fail("wait: %v", err)
		}
		if n == 1 {
			return g.dst[0]
		}
	}
	g.fail("nothing completes; awaited: %s", awaited)
	panic("unreachable")
}

// nothingMore demands that no completion is left over.
func (g *game) nothingMore() {
	n, err := g.loop.Wait(g.dst, 1, 0)
	if err != nil {
		g.fail("wait: %v", err)
	}
	if n != 0 {
		c := g.dst[0]
		g.fail("%d completions too many; the first: %v on %d with %d", n, c.Op.Code, c.Op.FD, c.Res)
	}
}
