package uring

import (
	"errors"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// With IOSQE_CQE_SKIP_SUCCESS a request that succeeds has no completion entry.
// The owner must hear of every op, so the loop uses it only where another entry
// implies the success:
//
//   - a Send that the kernel links to a Recv or Send on the same descriptor:
//     that one's entry means that this one succeeded, as the kernel leaves out
//     the entries of what follows a failure (req_set_fail in
//     io_uring/io_uring.h). The loop then delivers both;
//   - its own cancel requests, for whose answer nobody waits.
//
// Not on a Send by itself, as nothing would ever say that its buffer is free; not
// on a Close, whose completion is what tells the owner that the number may be
// used again; and not on a zero-copy send, where the kernel refuses it
// (io_send_zc_prep in io_uring/net.c), so that a variant with both contradicts
// itself.

// skips reports whether the entry of Send i can be left out when next follows.
// The owner learns of the send, and gets its buffer back, only when next
// completes, which may be long; half of the loop's buffers may be out so, or
// idle connections would keep all of them from the busy ones.
func (l *Loop) skips(i, next uint32) bool {
	if !l.feat.has(skipSuccess) || 2*(l.chains.skipped+1) > l.pool.Cap() {
		return false
	}
	a, b := l.slots[i].op, l.slots[next].op
	return a.Code == backends.Send && (b.Code == backends.Send || b.Code == backends.Recv) && l.key(a) == l.key(b)
}

// implied delivers an op that completion entry e shows to have succeeded, the
// first of them. It returns false when there is none.
func (l *Loop) implied(c *backends.Completion, e uapi.CQE) bool {
	i, s := l.find(e.UserData)
	if s == nil || s.state != flying || !l.chains.of[i].linked {
		return false
	}
	p := l.chains.of[i].pred
	if p == 0 || !l.chains.of[p].skipped {
		return false
	}
	for q := l.chains.of[p].pred; q != 0 && l.chains.of[q].skipped; q = l.chains.of[q].pred {
		p = q
	}
	res := backends.Result(len(l.slots[p].op.Buf))
	l.sent(l.slots[p].op, res)
	l.count(backends.Skipped)
	return l.final(c, p, res)
}

// unskip notes that an op that was to have no completion entry has one after
// all: it has failed, and those that the kernel would have started after it have
// none.
func (l *Loop) unskip(i uint32) {
	c := l.chains
	c.of[i].skipped = false
	c.skipped--
	for k := c.of[i].next; k != 0 && c.of[k].linked && l.slots[k].state == flying; k = c.of[k].next {
		l.unwrite(k)
		l.slots[k].state = held
	}
}

// quiet asks for no completion entry of a request that nobody waits for.
func (l *Loop) quiet(e *uapi.SQE) {
	if l.feat.has(skipSuccess) {
		e.Flags |= uapi.SQECQESkipSuccess
		l.count(backends.Skipped)
	}
}

// errCut is what becomes of a chain that the kernel cut where the first part has
// no completion entry.
var errCut = errors.New("uring: the kernel ran out of memory in the middle of a chain without completions: lower the load, or leave out +skip")
