package uring

import (
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// With msgring the loops that accept from one descriptor, with Multishot, are a
// crew. The first of them asks the kernel for connections; each goes to the next
// taker in turn, the first among them, by IORING_OP_MSG_RING: the number of the
// descriptor as the result of a completion on the other ring, or with fixedfile
// the file itself into the other ring's table (IORING_MSG_SEND_FD). The Accepts of
// the others are with no kernel: what comes for them bears handMark.
//
// A loop names the rings of others, and plain connections, by descriptors, so all
// of them must use the table of the process.

// A crewKey says what a crew accepts from. Who keeps connections in a table cannot
// hand them to who does not.
type crewKey struct {
	fd    int32
	table bool
}

// A crew is the takers, of which the first accepts, and whose turn it is.
type crew struct {
	takers []*taker
	turn   int
}

var crews = struct {
	sync.Mutex
	by map[crewKey]*crew
}{by: map[crewKey]*crew{}}

// A taker is an Accept of a crew. Other loops read what does not change, and
// coming with crews locked.
type taker struct {
	crewKey
	loop   *Loop
	ring   int
	index  uint32 // in hands.takers
	slot   uint32 // of the op; 0: it has ended
	coming int    // messages that are on their way
}

// hands is what a loop has to do with those of others.
type hands struct {
	takers  []*taker
	parcels []parcel
	free    []uint32 // of those
	unsent  []uint32 // and those that wait for a submission entry
}

// A parcel is a connection under way to another loop.
type parcel struct {
	from, to *taker
	conn     int32
	taken    bool // what is left to do is to empty our slot of it
}

// takeOver, in the place of a connection, has a taker accept for its crew.
const takeOver = -1

// handMark is in user_data that bears no slot, but the index of a taker or of a
// parcel; what stands where a slot's has the generation tells which.
const handMark = 1 << 30

const (
	forTaker uint32 = iota
	ofParcel
)

// join makes Accept slot i one of a crew. It returns false when the loop is not to
// ask the kernel for connections.
func (l *Loop) join(i uint32) (first bool) {
	op := l.slots[i].op
	t := &taker{crewKey: crewKey{op.FD, l.acceptsFixed(op)}, loop: l, ring: l.ring.fd, slot: i}
	crews.Lock()
	defer crews.Unlock()
	at := slices.IndexFunc(l.hands.takers, func(t *taker) bool { return t.slot == 0 && t.coming == 0 })
	if at < 0 {
		at = len(l.hands.takers)
		l.hands.takers = append(l.hands.takers, nil)
	}
	l.hands.takers[at], t.index = t, uint32(at)
	l.slots[i].taker = t.index + 1
	c := crews.by[t.crewKey]
	if c == nil {
		c = &crew{}
		crews.by[t.crewKey] = c
	}
	c.takers = append(c.takers, t)
	return len(c.takers) == 1
}

// leave ends the part of a taker of this loop's. What is on its way to it all the
// same goes on to others.
func (l *Loop) leave(t *taker) {
	t.slot = 0
	l.dismiss(t)
}

// dismiss takes t out of its crew. Where it was the first, the next accepts.
func (l *Loop) dismiss(t *taker) {
	heir := l.heirOf(t)
	switch {
	case heir == nil:
	case heir.loop != l:
		l.send(parcel{to: heir, conn: takeOver})
	case l.slots[heir.slot].state == expecting:
		l.enqueue(heir.slot)
	}
}

func (l *Loop) heirOf(t *taker) (heir *taker) {
	crews.Lock()
	defer crews.Unlock()
	c := crews.by[t.crewKey]
	if c == nil {
		return nil
	}
	at := slices.Index(c.takers, t)
	if at < 0 {
		return nil
	}
	c.takers = slices.Delete(c.takers, at, at+1)
	if at < c.turn {
		c.turn--
	}
	switch {
	case len(c.takers) == 0:
		delete(crews.by, t.crewKey)
		return nil
	case at > 0:
		return nil
	}
	return c.takers[0].expect(l)
}

// expect notes that l is about to send t something; crews is locked.
func (t *taker) expect(l *Loop) *taker {
	if t.loop != l {
		t.coming++
	}
	return t
}

// next is whose turn it is to get a connection from l, nil where nobody is left.
func (k crewKey) next(l *Loop) *taker {
	crews.Lock()
	defer crews.Unlock()
	c := crews.by[k]
	if c == nil {
		return nil
	}
	c.turn %= len(c.takers)
	c.turn++
	return c.takers[c.turn-1].expect(l)
}

// accepted goes on with Accept slot i, of a crew, that brought a connection.
func (l *Loop) accepted(c *backends.Completion, i uint32, conn int32, flags uint32) bool {
	whole := l.pass(c, l.hands.takers[l.slots[i].taker-1], conn)
	if flags&uapi.CQEFMore == 0 {
		l.again(i)
	}
	return whole
}

// pass gives a connection that came to from to the crew's next.
func (l *Loop) pass(c *backends.Completion, from *taker, conn int32) bool {
	to := from.next(l)
	switch {
	case to == nil:
		l.shed(from, conn)
	case to.loop == l:
		return l.keep(c, to, conn)
	default:
		l.send(parcel{from: from, to: to, conn: conn})
	}
	return false
}

// keep delivers a connection to a taker of this loop's.
func (l *Loop) keep(c *backends.Completion, t *taker, conn int32) bool {
	*c = backends.Completion{Op: l.slots[t.slot].op, Res: backends.Result(conn), More: true}
	return true
}

// shed closes a connection that nobody is left to take.
func (l *Loop) shed(t *taker, conn int32) {
	if t.table {
		l.send(parcel{conn: conn, taken: true})
		return
	}
	l.count(backends.SysOther)
	_ = unix.Close(int(conn))
}

func (l *Loop) send(p parcel) {
	h := l.hands
	if len(h.free) == 0 {
		h.free = append(h.free, uint32(len(h.parcels)))
		h.parcels = append(h.parcels, parcel{})
	}
	last := len(h.free) - 1
	i := h.free[last]
	h.free = h.free[:last]
	h.parcels[i] = p
	h.unsent = append(h.unsent, i)
}

// flushHands writes submission entries for parcels while there is room.
func (l *Loop) flushHands() {
	h := l.hands
	n := 0
	for ; n < len(h.unsent); n++ {
		e := l.ring.next()
		if e == nil {
			break
		}
		l.count(backends.Submissions)
		i := h.unsent[n]
		p := &h.parcels[i]
		if p.taken {
			e.Opcode, e.FileIndex = uapi.OpClose, fileIndex(int(p.conn))
			l.quiet(e)
			h.free = append(h.free, i)
			continue
		}
		e.Opcode, e.FD = uapi.OpMsgRing, int32(p.to.ring)
		e.UserData, e.Off = userData(handMark|i, ofParcel), userData(handMark|p.to.index, forTaker)
		if p.to.table && p.conn != takeOver {
			e.Addr, e.Addr3, e.FileIndex = uapi.MsgSendFD, uint64(p.conn), uapi.FileIndexAlloc
		} else {
			e.Len = uint32(p.conn)
		}
	}
	h.unsent = slices.Delete(h.unsent, 0, n)
}

// sendNow has it on its way before Wait returns: the loops that it goes to may be
// waiting for it in their Close, and the owner of this one for them.
func (l *Loop) sendNow() {
	l.flush()
	if err := l.turn(0, -1); err != nil {
		l.untold = err
	}
}

// handed deals with a completion entry that bears handMark.
func (l *Loop) handed(c *backends.Completion, e uapi.CQE) bool {
	i := uint32(e.UserData) &^ handMark
	if uint32(e.UserData>>32) == ofParcel {
		return l.answered(c, i, e.Res)
	}
	t := l.hands.takers[i]
	t.settle()
	switch {
	case t.slot == 0 && e.Res != takeOver:
		return l.pass(c, t, e.Res)
	case t.slot == 0: // and its heir has been told
	case e.Res != takeOver:
		return l.keep(c, t, e.Res)
	case l.slots[t.slot].state == expecting:
		l.enqueue(t.slot)
	}
	return false
}

// settle notes that a message has arrived, or never will.
func (t *taker) settle() {
	crews.Lock()
	t.coming--
	crews.Unlock()
}

// answered goes on with parcel i when the kernel has said what became of it. What
// the other ring does not take, as its table is full, stays here. A ring that is
// gone gets no more.
func (l *Loop) answered(c *backends.Completion, i uint32, res int32) bool {
	h := l.hands
	p := h.parcels[i]
	if res >= 0 && p.to.table && p.conn != takeOver {
		l.count(backends.Handovers)
		h.parcels[i].taken = true
		h.unsent = append(h.unsent, i)
		return false
	}
	h.free = append(h.free, i)
	if res >= 0 {
		if p.conn != takeOver {
			l.count(backends.Handovers)
		}
		return false
	}
	p.to.settle()
	switch unix.Errno(-res) {
	case unix.EBADF, unix.EBADFD, unix.EOWNERDEAD:
		l.dismiss(p.to)
	}
	if p.conn == takeOver {
		return false
	}
	l.count(backends.KeptConns)
	if p.from.slot == 0 {
		l.shed(p.from, p.conn)
		return false
	}
	return l.keep(c, p.from, p.conn)
}

// disband ends the part of all takers of the loop.
func (l *Loop) disband() {
	for _, t := range l.hands.takers {
		if t.slot != 0 {
			l.leave(t)
		}
	}
}

// settled reports whether nothing is on its way from or to this loop.
func (h *hands) settled() bool {
	crews.Lock()
	defer crews.Unlock()
	return len(h.free) == len(h.parcels) && !slices.ContainsFunc(h.takers, func(t *taker) bool { return t.coming > 0 })
}

// tryMsgRing sends a file from the table of one ring to that of another.
func tryMsgRing(*ring) (bool, unix.Errno) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, errnoOf(err)
	}
	defer closeAll([]int{fd})
	var rings [2]*ring
	for i, slot := range []int32{int32(fd), -1} { // -1 is an empty one
		r, errno := newRing(2, 4, 0, 0, 0)
		if errno != 0 {
			return false, errno
		}
		defer r.close()
		if _, errno := sysRegister(r.fd, uapi.RegisterFiles, unsafe.Pointer(&slot), 1); errno != 0 {
			return false, errno
		}
		rings[i] = r
	}
	c, errno := trial(rings[0], func(e *uapi.SQE) {
		e.Opcode, e.FD = uapi.OpMsgRing, int32(rings[1].fd)
		e.Addr, e.FileIndex = uapi.MsgSendFD, uapi.FileIndexAlloc
	})
	return c.Res >= 0 && rings[1].ready() == 1, errno
}
