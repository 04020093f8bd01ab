package threadpool

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
)

type ignore struct{}

func (ignore) Complete(*backends.Completion) {}

// A loop enters raw for files while there is a P for each that does, and one more;
// what is closed gives its place up, and a loop that has no files needs none.
func TestSeats(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reads := func(variant backends.Variant) *loop {
		l, err := newBackend(variant).Open(backends.Config{})
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 16)
		op := backends.Op{Code: backends.ReadAt, FD: int32(f.Fd()), Buf: buf, Done: ignore{}}
		l.Submit(&op)
		var done [1]backends.Completion
		if n, err := l.Wait(done[:], 1, time.Second); n != 1 || err != nil || done[0].Res != 7 || string(buf[:7]) != "content" {
			t.Fatalf("%d completions, %+v, %v", n, done, err)
		}
		return l.(*loop)
	}
	plain := backends.Variant{Family: "threadpool"}
	a, b, c := reads(plain), reads(plain), reads(plain)
	if !a.raw || !b.raw || c.raw {
		t.Errorf("with 3 Ps raw: %v, %v, %v; want two of three", a.raw, b.raw, c.raw)
	}
	for l, want := range map[*loop]uint64{a: 0, b: 0, c: 1} {
		if n := l.tally.Counters[backends.Scheduled]; n != want {
			t.Errorf("raw %v, and %d ops are counted that went through the scheduler", l.raw, n)
		}
	}
	asked := backends.Variant{Family: "threadpool", Add: []string{"syscall"}}
	for _, l := range []*loop{a, b, c} {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	d := reads(asked)
	e := reads(plain)
	if d.raw || !e.raw || seats.Load() != 1 {
		t.Errorf("raw %v and %v, %d places taken; want the second alone", d.raw, e.raw, seats.Load())
	}
	d.Close()
	e.Close()
	if n := seats.Load(); n != 0 {
		t.Errorf("%d places are taken at the end", n)
	}
}
