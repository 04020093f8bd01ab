package null

import "github.com/ringbench/ringbench/backends"

// An opList is a first-in first-out list through the ops' own links.
type opList struct{ head, tail *backends.Op }

func (l *opList) push(op *backends.Op) {
	op.Loan.Next = nil
	if l.tail == nil {
		l.head = op
	} else {
		l.tail.Loan.Next = op
	}
	l.tail = op
}

func (l *opList) pop() *backends.Op {
	op := l.head
	l.head = op.Loan.Next
	if l.head == nil {
		l.tail = nil
	}
	op.Loan.Next = nil
	return op
}

func (l *opList) remove(op *backends.Op) bool {
	var before *backends.Op
	for o := l.head; o != nil; before, o = o, o.Loan.Next {
		if o != op {
			continue
		}
		if before == nil {
			l.head = op.Loan.Next
		} else {
			before.Loan.Next = op.Loan.Next
		}
		if l.tail == op {
			l.tail = before
		}
		op.Loan.Next = nil
		return true
	}
	return false
}

// A doneQueue holds completions until Wait takes them. It grows by doubling
// and then no more: its size is a power of two.
type doneQueue struct {
	ring       []backends.Completion
	head, tail uint
}

func (q *doneQueue) len() int { return int(q.tail - q.head) }

func (q *doneQueue) push(c backends.Completion) {
	if q.len() == len(q.ring) {
		q.grow()
	}
	q.ring[q.tail&uint(len(q.ring)-1)] = c
	q.tail++
}

func (q *doneQueue) pop() backends.Completion {
	c := &q.ring[q.head&uint(len(q.ring)-1)]
	q.head++
	return *c
}

func (q *doneQueue) grow() {
	ring := make([]backends.Completion, max(64, 2*len(q.ring)))
	n := uint(0)
	for q.len() > 0 {
		ring[n] = q.pop()
		n++
	}
	q.ring, q.head, q.tail = ring, 0, n
}

// A timer is a Timeout op and when it is due, in nanoseconds of the loop's clock.
type timer struct {
	due int64
	op  *backends.Op
}

// timers is a binary heap, the earliest first. Loan.Slot of each op is its
// place plus one.
type timers []timer

func (t *timers) push(due int64, op *backends.Op) {
	*t = append(*t, timer{due, op})
	(*t).set(len(*t)-1, (*t)[len(*t)-1])
	(*t).up(len(*t) - 1)
}

// remove takes out the op at place i.
func (t *timers) remove(i int) *backends.Op {
	h := *t
	op, last := h[i].op, len(h)-1
	h.set(i, h[last])
	h[last] = timer{}
	*t = h[:last]
	if i < last {
		(*t).down(i)
		(*t).up(i)
	}
	op.Loan.Slot = 1
	return op
}

func (t timers) set(i int, v timer) {
	t[i] = v
	v.op.Loan.Slot = uint32(i + 1)
}

func (t timers) up(i int) {
	for i > 0 && t[i].due < t[(i-1)/2].due {
		t.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (t timers) down(i int) {
	for {
		least := i
		for _, c := range [2]int{2*i + 1, 2*i + 2} {
			if c < len(t) && t[c].due < t[least].due {
				least = c
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}

func (t timers) swap(i, j int) {
	a, b := t[i], t[j]
	t.set(i, b)
	t.set(j, a)
}
