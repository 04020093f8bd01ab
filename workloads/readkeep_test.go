package workloads

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A write that is lost is missed although an earlier one has left the same block;
// which of two at a time stays is anybody's.
func TestLostWrite(t *testing.T) {
	const size, off = 4096, 8192
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := NewPattern(7)
	b := make([]byte, size)
	p.Fill(b, 0)
	p.Stamp(b, off, 1000)
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		begun, longest int64
		lost           bool
	}{{1000, 10, false}, {1010, 10, false}, {1011, 10, true}} {
		r := &Reader{cfg: ReadConfig{Op: OpWrite, Size: size}, file: f, writes: p}
		for i := range 2 {
			k := &fileLoop{longest: c.longest}
			if err := k.keeps.open(r); err != nil {
				t.Fatal(err)
			}
			k.keeps.wrote(off, 1000) // an earlier one, by either loop
			if i == 0 {
				k.keeps.wrote(off, c.begun)
			}
			r.loops = append(r.loops, k)
		}
		if err := r.compare(); (err != nil) != c.lost || c.lost && !strings.Contains(err.Error(), "an earlier write than the last") {
			t.Errorf("a write begun at %d after one at 1000: %v", c.begun, err)
		}
	}
}
