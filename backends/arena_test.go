package backends

import (
	"bytes"
	"math"
	"reflect"
	"testing"
)

func address(b []byte) uintptr { return reflect.ValueOf(b).Pointer() }

func TestArenaCutsPages(t *testing.T) {
	a, err := NewArena(3*PageSize + 1)
	if err != nil {
		t.Fatal(err)
	}
	var cut [][]byte
	for _, n := range []int{1, PageSize, PageSize + 1} {
		b := a.Bytes(n)
		if len(b) != n || cap(b) != n {
			t.Fatalf("%d bytes asked, length %d and capacity %d given", n, len(b), cap(b))
		}
		if address(b)%PageSize != 0 {
			t.Errorf("%d bytes start inside a page, at %#x", n, address(b))
		}
		if !bytes.Equal(b, make([]byte, n)) {
			t.Errorf("%d fresh bytes are not zero", n)
		}
		cut = append(cut, b)
	}
	for i, b := range cut {
		for j := range b {
			b[j] = byte(i + 1)
		}
	}
	for i, b := range cut {
		for _, x := range b {
			if x != byte(i+1) {
				t.Fatalf("piece %d shares memory with another", i)
			}
		}
	}
	for _, n := range []int{1, 0, -1, math.MaxInt} {
		if a.Bytes(n) != nil {
			t.Errorf("%d bytes cut from an arena that is used up", n)
		}
	}
	for range 2 { // a second Free is harmless
		if err := a.Free(); err != nil {
			t.Error(err)
		}
	}
	if a.Bytes(1) != nil {
		t.Error("memory cut from an arena that was freed")
	}
}

func TestPool(t *testing.T) {
	const n, size = 4, 1000
	p, err := NewPool(n, size, true)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Len() != n {
		t.Fatalf("%d buffers at rest, not %d", p.Len(), n)
	}
	seen := map[int]bool{}
	var out [][]byte
	for range n {
		b := p.Get()
		if len(b) != size || cap(b) != size || address(b)%PageSize != 0 {
			t.Fatalf("a buffer of %d bytes, capacity %d, at %#x", len(b), cap(b), address(b))
		}
		i := p.Index(b)
		if seen[i] || address(p.At(i)) != address(b) {
			t.Fatalf("buffer %d came twice, or is another's", i)
		}
		seen[i] = true
		out = append(out, b)
		for j := range b {
			b[j] = 1
		}
	}
	if p.Get() != nil || p.Len() != 0 {
		t.Fatal("a fifth of four buffers")
	}
	p.Put(out[2][:7]) // what starts at the same byte will do
	for _, x := range out[2] {
		if x != 0xDB {
			t.Fatal("a buffer at rest is not poisoned")
		}
	}
	p.Put(out[0])
	if b := p.Get(); address(b) != address(out[0]) {
		t.Error("the buffer given back last was not the first to be used again")
	}
	if p.Len() != 1 {
		t.Errorf("%d buffers at rest, not 1", p.Len())
	}
	if n := testing.AllocsPerRun(100, func() { p.Put(p.Get()) }); n != 0 {
		t.Errorf("%v allocations to get and put a buffer", n)
	}
}

func TestPoolRefusesForeignBuffers(t *testing.T) {
	p, err := NewPool(2, 64, false)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	defer func() {
		if recover() == nil {
			t.Error("a buffer of the Go heap was taken for the pool's")
		}
	}()
	p.Put(make([]byte, 64))
}
