package uring

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A linkage tells of one op what precedes and what follows it by the flag Link.
type linkage struct {
	pred, next uint32 // that have not ended yet
	linked     bool   // the kernel starts or cancels it when pred ends
	predOK     bool   // pred ended as next may expect
	skipped    bool   // no completion entry comes if it succeeds; next's implies it
	group      uint16 // 1 + the group of the bundle of which it is the first
}

// chains are the linked ops of a loop. An op with Link is kept until the last of
// its chain is submitted, because the kernel links only neighbours in the
// submission queue that are submitted by one enter (io_submit_state_end in
// io_uring/io_uring.c ends what is open). What the kernel cannot link is held
// and started by the loop when its predecessor has succeeded; this is counted.
type chains struct {
	of          []linkage // by slot
	first, last uint32    // of the chain that is being submitted
	skipped     int       // ops whose completion another will imply
	late        []late    // cancels that may have come too early
}

// A late is an op to be cancelled that waits in a chain, where the kernel finds
// it as little as just after its predecessor has completed, before it runs.
type late struct {
	data  uint64 // its user_data
	tries int
}

// lateTries is how often to ask: one enter starts what the one before completed.
const lateTries = 3

func (c *chains) resize(n int) {
	of := make([]linkage, n)
	copy(of, c.of)
	c.of = of
}

// gather takes slot i, just submitted, into the chain that is being submitted.
// It returns false when i has to do with no chain.
func (l *Loop) gather(i uint32) bool {
	c, op := l.chains, l.slots[i].op
	if c.last == 0 && op.Flags&backends.Link == 0 {
		return false
	}
	if op.Code == backends.LinkTimeout && !l.limits(c.last) {
		l.finish(i, backends.Fail(unix.EINVAL)) // to wait for nobody would limit nobody
	} else {
		l.slots[i].state = held
		if usesFD(op.Code) && l.check(op) == 0 { // else launch says so when its turn has come
			l.enroll(i)
		}
		if c.last == 0 {
			c.first = i
		} else {
			c.of[c.last].next, c.of[i].pred = i, c.last
		}
		c.last = i
	}
	if op.Flags&backends.Link == 0 {
		l.endChain()
	}
	return true
}

// limits reports whether a LinkTimeout can limit slot i.
func (l *Loop) limits(i uint32) bool {
	return i != 0 && l.feat.has(linkTimeout) && l.slots[i].op.Code != backends.LinkTimeout && l.leads(i)
}

// endChain starts the chain that was being submitted.
func (l *Loop) endChain() {
	c := l.chains
	first := c.first
	c.first, c.last = 0, 0
	if first != 0 {
		l.launch(first)
	}
}

// settle does before a Wait what cannot be put off: no more ops join a chain,
// and cancels that may have come too early are asked for again.
func (l *Loop) settle() {
	c := l.chains
	l.endChain()
	kept := c.late[:0]
	for _, t := range c.late {
		i, s := l.find(t.data)
		if s == nil || s.state == done || t.tries == 0 {
			continue
		}
		if c.of[i].pred == 0 && s.state == flying && l.cancelSlot(i) {
			t.tries--
		}
		kept = append(kept, t)
	}
	c.late = kept
}

// insist sees to it that slot i, which the kernel was asked to cancel, is not
// missed because it waits in a chain.
func (l *Loop) insist(i uint32) {
	if l.chains != nil && l.chains.of[i].linked {
		l.chains.late = append(l.chains.late, late{userData(i, l.slots[i].gen), lateTries})
	}
}

// linkable reports whether the kernel can start slot i after another.
func (l *Loop) linkable(i uint32) bool {
	s := &l.slots[i]
	switch s.op.Code {
	case backends.Nop, backends.Timeout, backends.LinkTimeout:
		return true
	case backends.Accept, backends.Connect, backends.Send, backends.WriteAt, backends.Fsync, backends.Fdatasync:
		return s.fd >= 0
	case backends.ReadAt:
		return s.fd >= 0 && !readsChosen(s.op)
	case backends.Recv:
		// Where the loop chooses the buffer it must do so when there is data.
		return s.fd >= 0 && (s.op.Flags&backends.SelectBuf == 0 || l.bufs != nil)
	}
	return false // the loop has work to do for it first
}

// leads reports whether the kernel can start another after slot i. To the kernel
// a Timeout that ends fails (but for a flag of Linux 5.16), and a multishot op
// has no end that would be its success.
func (l *Loop) leads(i uint32) bool {
	op := l.slots[i].op
	return l.linkable(i) && op.Code != backends.Timeout && op.Flags&backends.Multishot == 0
}

// run is how many ops of a chain the kernel can be given from slot i on, at most
// what the submission queue holds. An op and its time limit stay together. All
// are on one descriptor: the kernel finds no request to cancel that waits in a
// chain, so the Close of another descriptor would have to wait for this one's.
func (l *Loop) run(i uint32) (n int) {
	n, last := 1, i
	fd := l.slots[i].fd
	for n <= len(l.ring.sqes) && l.leads(last) {
		k := l.chains.of[last].next
		if k == 0 || l.slots[k].state != held || !l.linkable(k) {
			break
		}
		if other := l.slots[k].fd; fd < 0 {
			fd = other
		} else if other >= 0 && other != fd {
			break
		}
		if l.slots[i].polling && l.slots[k].op.Code != backends.LinkTimeout {
			break // the poll's success is not the op's
		}
		n, last = n+1, k
	}
	if n > len(l.ring.sqes) {
		n--
		if l.slots[last].op.Code == backends.LinkTimeout {
			n--
		}
	}
	return n
}

// startChain gives the kernel n linked ops from slot i on, all by one enter. It
// returns false when the submission queue has no room for them.
func (l *Loop) startChain(i uint32, n int) bool {
	if l.ring.room() < n {
		return false
	}
	c := l.chains
	for j := i; ; {
		if j != i {
			c.of[j].linked = true
			l.count(backends.Links)
		}
		if r := l.bundleRun(j, n); r > 1 {
			l.writeBundle(j, r) // what follows it is the loop's to start
			return true
		}
		e := l.write(j)
		if n--; n == 0 {
			return true
		}
		e.Flags |= uapi.SQEIOLink
		next := c.of[j].next
		if l.skips(j, next) {
			e.Flags |= uapi.SQECQESkipSuccess
			c.of[j].skipped = true
			c.skipped++
		}
		j = next
	}
}

// succeeded reports whether what follows op i may start.
func (l *Loop) succeeded(i uint32, res backends.Result) bool {
	op := l.slots[i].op
	switch op.Code {
	case backends.Send:
		return int(res) == len(op.Buf)
	case backends.ReadAt, backends.WriteAt:
		return l.movedAll(op, res)
	case backends.Timeout:
		return res == backends.Fail(unix.ETIME)
	case backends.LinkTimeout:
		return l.chains.of[i].predOK
	}
	return res >= 0
}

// detach takes slot i, which ended with res, out of its chain, and tells whom to
// follow up with that.
func (l *Loop) detach(i uint32, res backends.Result) (next uint32, ok bool) {
	c := l.chains
	k := c.of[i]
	ok = l.succeeded(i, res)
	if k.skipped {
		c.skipped--
	}
	if k.pred != 0 {
		c.of[k.pred].next = 0
	}
	if k.next != 0 {
		c.of[k.next].pred = 0
	}
	if k.pred != 0 && k.next != 0 && l.slots[i].op.Code == backends.LinkTimeout {
		// It fired; what follows hangs on the op that it has stopped.
		c.of[k.pred].next, c.of[k.next].pred = k.next, k.pred
		k.next = 0
	}
	if i == c.last {
		c.last = k.pred
	}
	if i == c.first {
		c.first = 0
	}
	c.of[i] = linkage{}
	return k.next, ok
}

// follow goes on with slot i after its predecessor has ended.
func (l *Loop) follow(i uint32, ok bool) {
	if i == 0 {
		return
	}
	s := &l.slots[i]
	l.chains.of[i].predOK = ok
	switch {
	case s.state == flying:
		// The kernel starts it, or cancels it.
	case s.state != held:
	case !ok || s.op.Code == backends.LinkTimeout:
		l.finish(i, canceled)
	case s.canceled:
		l.finish(i, canceled)
	default:
		l.count(backends.HeldLinks)
		l.launch(i)
	}
}

// chained looks at a completion entry of slot i for what it means to the chain.
// It returns true when it means nothing else.
func (l *Loop) chained(i uint32, e uapi.CQE) bool {
	k, s := &l.chains.of[i], &l.slots[i]
	if k.skipped {
		l.unskip(i)
	}
	if !k.linked {
		return false
	}
	k.linked = false
	switch {
	case e.Res != -int32(unix.ECANCELED) || s.canceled:
	case k.pred != 0:
		// pred failed and the loop tries it again, so this waits again.
		s.state = held
		return true
	case k.predOK && s.op.Code != backends.LinkTimeout:
		// And by now pred has succeeded.
		l.count(backends.HeldLinks)
		l.launch(i)
		return true
	default:
		s.canceled = true // so that nothing starts it again
	}
	return false
}

// mend follows an enter that took only a part of the submission queue, which the
// kernel does when it lacks memory. A chain that was cut there would go on
// without waiting; its rest is taken back and held.
func (l *Loop) mend() error {
	r := l.ring
	head := r.sqHead.Load()
	before := &r.sqes[(head-1)&r.sqMask] // taken, and not yet written over
	for linked := before.Flags&uapi.SQEIOLink != 0; linked && head != r.tail; head++ {
		e := &r.sqes[head&r.sqMask]
		i, s := l.find(e.UserData)
		if s == nil || !l.chains.of[i].linked {
			return nil // not of ours, but of SubmitChain
		}
		linked = e.Flags&uapi.SQEIOLink != 0
		s.state = held
		l.unwrite(i)
		*e = uapi.SQE{Opcode: uapi.OpNop}
	}
	if i, s := l.find(before.UserData); s != nil && l.chains.of[i].skipped {
		l.unskip(i)
		return errCut
	}
	return nil
}

// unwrite undoes what startChain noted of slot i.
func (l *Loop) unwrite(i uint32) {
	k := &l.chains.of[i]
	k.linked = false
	if k.skipped {
		k.skipped = false
		l.chains.skipped--
	}
	if k.group != 0 {
		l.unbundle(i)
	}
}
