package pattern

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestPlacesAreDistinct(t *testing.T) {
	at := map[int]int{}
	for c := range 100_000 {
		p := Place(c)
		if p < 0 || p >= Period || p%Line != 0 && c < Lines {
			t.Fatalf("connection %d begins at %d of %d", c, p, Period)
		}
		if other, dup := at[p]; dup {
			t.Fatalf("connections %d and %d begin at the same place", other, c)
		}
		at[p] = c
	}
}

// TestAdvance: going on by pieces of any size is going on by their sum, modulo
// the period.
func TestAdvance(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	at, sum := Place(17), int64(Place(17))
	for range 100_000 {
		n := r.IntN(3 * Period)
		if r.IntN(2) == 0 {
			n = r.IntN(100)
		}
		at = Advance(at, n)
		sum += int64(n)
		if int64(at) != sum%Period {
			t.Fatalf("%d bytes from the start the place is %d, not %d", sum, at, sum%Period)
		}
	}
}

// TestPatternRepeatsAfterItsPeriodOnly: a slice that crosses the end goes on at
// the beginning, and a stream that has lost or repeated up to 4,092 messages, or
// that is another connection's, differs from the right one.
func TestPatternRepeatsAfterItsPeriodOnly(t *testing.T) {
	const longest = 2*Period + 1000
	p, err := New(42, longest)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	if !bytes.Equal(p.Mem[Period:Period+longest], p.Mem[:longest]) {
		t.Error("the pattern does not go on at its beginning after a period")
	}
	// Eight bytes in common at two places would be chance of 2^-64 a pair:
	// distinct heads prove that all shifts differ.
	heads := make(map[[8]byte]int, Period)
	for i := range Period {
		h := [8]byte(p.Mem[i:])
		if other, dup := heads[h]; dup {
			t.Errorf("the pattern goes on from %d as from %d", other, i)
		}
		heads[h] = i
	}
	for _, size := range []int{1, 7, 64, 100, 4096} {
		for k := 1; k < Lines; k++ {
			if k*size%Period == 0 {
				t.Fatalf("a loss of %d messages of %d bytes is a whole period", k, size)
			}
			a, b := Place(5), Advance(Place(5), k*size)
			if bytes.Equal(p.Mem[a:a+Line], p.Mem[b:b+Line]) {
				t.Fatalf("a loss of %d messages of %d bytes leaves the next 64 bytes as they were", k, size)
			}
		}
	}
}

func TestSeedsDiffer(t *testing.T) {
	a, err := New(1, 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Free()
	for _, seed := range []uint64{0, 2, 1 << 8, 1 << 63} {
		b, err := New(seed, 4096)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(a.Mem[:64], b.Mem[:64]) {
			t.Errorf("seeds 1 and %d yield the same bytes", seed)
		}
		b.Free()
	}
	b, err := New(1, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Free()
	if !bytes.Equal(a.Mem[:Period], b.Mem[:Period]) {
		t.Error("one seed yields two patterns")
	}
}

// The content of a file is the same in whatever pieces it is made, and follows
// from the seed.
func TestContent(t *testing.T) {
	const size = 2*Period + 1000
	whole, pieces, other := make([]byte, size), make([]byte, size), make([]byte, size)
	Content(1)(whole, 0)
	Content(2)(other, 0)
	for off := 0; off < size; off += 777 {
		Content(1)(pieces[off:min(off+777, size)], int64(off))
	}
	if string(whole) != string(pieces) {
		t.Error("another content in pieces of 777 bytes")
	}
	if string(whole) == string(other) || string(whole[:64]) == string(whole[64:128]) {
		t.Error("the content repeats itself")
	}
}
