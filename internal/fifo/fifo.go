// Package fifo is a first-in first-out queue for hot paths: it reuses its
// memory, so that it stops allocating once it has been at its longest.
package fifo

// A Queue holds values in order. The zero value is empty and ready.
type Queue[T any] struct {
	items []T // a ring; its length is a power of two, or none
	head  int // index of the first value
	n     int // values in the queue
}

// New is a queue with room for n values before it allocates.
func New[T any](n int) Queue[T] {
	room := 1
	for room < n {
		room *= 2
	}
	return Queue[T]{items: make([]T, room)}
}

// Len is the number of values in the queue.
func (q *Queue[T]) Len() int { return q.n }

// Push adds v at the end.
func (q *Queue[T]) Push(v T) { *q.Add() = v }

// Add adds a value at the end, to be filled in place before the next call.
func (q *Queue[T]) Add() *T {
	if q.n == len(q.items) {
		q.grow()
	}
	q.n++
	return q.At(q.n - 1)
}

func (q *Queue[T]) grow() {
	items := make([]T, max(2*len(q.items), 4))
	n := copy(items, q.items[q.head:])
	copy(items[n:], q.items[:q.head])
	q.items, q.head = items, 0
}

// Front is the first value, to be changed in place; the queue must not be empty.
func (q *Queue[T]) Front() *T { return q.At(0) }

// At is value i from the front, to be changed in place; the queue must be longer.
func (q *Queue[T]) At(i int) *T { return &q.items[(q.head+i)&(len(q.items)-1)] }

// Pop takes the first value; the queue must not be empty.
func (q *Queue[T]) Pop() T {
	v := *q.Front()
	q.Drop()
	return v
}

// Drop removes the first value; the queue must not be empty.
func (q *Queue[T]) Drop() {
	var zero T
	*q.Front() = zero // nothing stays alive by it
	q.head = (q.head + 1) & (len(q.items) - 1)
	q.n--
}
