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
