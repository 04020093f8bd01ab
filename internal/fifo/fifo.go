// Package fifo is a first-in first-out queue for hot paths: it reuses its
// memory, so that it stops allocating once it has been at its longest.
package fifo

// A Queue holds values in order. The zero value is empty and ready.
type Queue[T any] struct {
	items []T
	head  int // items[head:] are in the queue
}

// New is a queue with room for n values before it allocates.
func New[T any](n int) Queue[T] { return Queue[T]{items: make([]T, 0, n)} }

// Len is the number of values in the queue.
func (q *Queue[T]) Len() int { return len(q.items) - q.head }

// Push adds v at the end.
func (q *Queue[T]) Push(v T) { *q.Add() = v }

// Add adds a zero value at the end, to be filled in place before the next call.
func (q *Queue[T]) Add() *T {
	if len(q.items) == cap(q.items) && q.head > 0 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	n := len(q.items)
	if n < cap(q.items) {
		q.items = q.items[:n+1] // zero: Pop and the clear above leave it so
	} else {
		var zero T
		q.items = append(q.items, zero)
	}
	return &q.items[n]
}

// Front is the first value, to be changed in place; the queue must not be empty.
func (q *Queue[T]) Front() *T { return &q.items[q.head] }

// At is value i from the front, to be changed in place; the queue must be longer.
func (q *Queue[T]) At(i int) *T { return &q.items[q.head+i] }

// Pop takes the first value; the queue must not be empty.
func (q *Queue[T]) Pop() T {
	v := *q.Front()
	q.Drop()
	return v
}

// Drop removes the first value; the queue must not be empty.
func (q *Queue[T]) Drop() {
	var zero T
	q.items[q.head] = zero
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
}
