package backends

// batch is how many completions Run takes at a time: enough that the cost of a
// Wait is spread thin, few enough that one batch of small buffers stays cached.
const batch = 128

// Run waits for completions and calls their handlers, on the loop's goroutine,
// until stop returns true or the loop fails. stop is asked once a batch.
func Run(l Loop, stop func() bool) error { return RunIn(l, make([]Completion, batch), stop) }

// RunIn is Run by batches of up to len(dst): for loops that are many and small.
func RunIn(l Loop, dst []Completion, stop func() bool) error {
	for !stop() {
		n, err := l.Wait(dst, 1, -1)
		if err != nil {
			return err
		}
		Dispatch(dst[:n])
	}
	return nil
}

// Dispatch calls the handler of every completion.
func Dispatch(done []Completion) {
	for i := range done {
		done[i].Op.Done.Complete(&done[i])
	}
}
