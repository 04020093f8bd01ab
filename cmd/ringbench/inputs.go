package main

import "context"

// input is what read makes of path, which may be a pipe that nobody writes to: the
// end of ctx ends the wait, but not read.
func input[T any](ctx context.Context, path string, read func(path string) (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := read(path)
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
