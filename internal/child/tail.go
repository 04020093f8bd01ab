package child

import (
	"bytes"
	"strings"
	"sync"
)

// tailSize bounds what is kept of a child's standard error: a Go panic of one
// goroutine fits.
const tailSize = 16 << 10

// A tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}

// telling is the line of a program's standard error that says why it ended: the
// last one, but of what a Go program dies of the first, since a stack follows it.
func telling(stderr string) string {
	last := ""
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		for _, of := range []string{"panic: ", "fatal error: ", "runtime/cgo: "} {
			if strings.HasPrefix(line, of) {
				return line
			}
		}
		if line != "" {
			last = line
		}
	}
	const limit = 300
	if len(last) > limit {
		last = last[:limit] + "…"
	}
	return last
}
