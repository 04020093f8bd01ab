package load

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestPlacesAreDistinct(t *testing.T) {
	at := map[int]int{}
	for c := range 100_000 {
		p := place(c)
		if p < 0 || p >= period || p%line != 0 && c < lines {
			t.Fatalf("connection %d begins at %d of %d", c, p, period)
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
	at, sum := place(17), int64(place(17))
	for range 100_000 {
		n := r.IntN(3 * period)
		if r.IntN(2) == 0 {
			n = r.IntN(100)
		}
		at = advance(at, n)
		sum += int64(n)
		if int64(at) != sum%period {
			t.Fatalf("%d bytes from the start the place is %d, not %d", sum, at, sum%period)
		}
	}
}

// TestPatternRepeatsAfterItsPeriodOnly: a slice that crosses the end goes on at
// the beginning, and a stream that has lost or repeated up to 4,092 messages, or
// that is another connection's, differs from the right one.
func TestPatternRepeatsAfterItsPeriodOnly(t *testing.T) {
	const longest = 2*period + 1000
	p, err := newPattern(42, longest)
	if err != nil {
		t.Fatal(err)
	}
	defer p.arena.Free()
	if !bytes.Equal(p.mem[period:period+longest], p.mem[:longest]) {
		t.Error("the pattern does not go on at its beginning after a period")
	}
	// Eight bytes in common at two places would be chance of 2^-64 a pair:
	// distinct heads prove that all shifts differ.
	heads := make(map[[8]byte]int, period)
	for i := range period {
		h := [8]byte(p.mem[i:])
		if other, dup := heads[h]; dup {
			t.Errorf("the pattern goes on from %d as from %d", other, i)
		}
		heads[h] = i
	}
	for _, size := range []int{1, 7, 64, 100, 4096} {
		for k := 1; k < lines; k++ {
			if k*size%period == 0 {
				t.Fatalf("a loss of %d messages of %d bytes is a whole period", k, size)
			}
			a, b := place(5), advance(place(5), k*size)
			if bytes.Equal(p.mem[a:a+line], p.mem[b:b+line]) {
				t.Fatalf("a loss of %d messages of %d bytes leaves the next 64 bytes as they were", k, size)
			}
		}
	}
}

func TestSeedsDiffer(t *testing.T) {
	a, err := newPattern(1, 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer a.arena.Free()
	for _, seed := range []uint64{0, 2, 1 << 8, 1 << 63} {
		b, err := newPattern(seed, 4096)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(a.mem[:64], b.mem[:64]) {
			t.Errorf("seeds 1 and %d yield the same bytes", seed)
		}
		b.arena.Free()
	}
	b, err := newPattern(1, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer b.arena.Free()
	if !bytes.Equal(a.mem[:period], b.mem[:period]) {
		t.Error("one seed yields two patterns")
	}
}
