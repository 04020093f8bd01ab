package backends

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// PageSize is the alignment of everything an Arena hands out in pages. A
// destination at an odd place within a page made a cached 4 KiB read three
// times slower on one machine, which a chart would blame on the backend.
const PageSize = 4096

// An Arena is memory outside the Go heap, for buffers that the kernel reads or
// writes while the program goes on. The collector neither moves nor frees it.
type Arena struct {
	mem  []byte
	used int
}

// NewArena maps size bytes, rounded up to whole pages. Pages cost memory when
// first touched.
func NewArena(size int) (*Arena, error) {
	size = pages(size)
	mem, err := mapArena(size)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes for buffers: %w", size, err)
	}
	return &Arena{mem: mem}, nil
}

func pages(n int) int { return (n + PageSize - 1) &^ (PageSize - 1) }

// Bytes cuts the next n bytes, starting on a page, or nil when the arena is used up.
func (a *Arena) Bytes(n int) []byte {
	if n <= 0 || n > len(a.mem)-a.used {
		return nil
	}
	b := a.mem[a.used : a.used+n : a.used+n]
	a.used = min(a.used+pages(n), len(a.mem))
	return b
}

// Free unmaps the arena. No buffer of it may be lent or used again.
func (a *Arena) Free() error {
	mem := a.mem
	a.mem = nil
	if mem == nil {
		return nil
	}
	return unmapArena(mem)
}

// A Pool is a set of equal page-aligned buffers, last in first out, so that the
// one still in the cache is used next. It belongs to one goroutine.
type Pool struct {
	arena *Arena
	base  uintptr
	size  int // bytes from one buffer to the next
	cap   int // bytes of a buffer
	mem   []byte
	free  []uint32
	shift uint8 // of size, where that is a power of two; 0: it is not, and takes a division
	fill  bool
}

// NewPool maps n buffers of size bytes. With poison, buffers at rest are
// filled with 0xDB.
func NewPool(n, size int, poison bool) (*Pool, error) {
	step := pages(size)
	a, err := NewArena(n * step)
	if err != nil {
		return nil, err
	}
	p := &Pool{arena: a, mem: a.Bytes(n * step), size: step, cap: size, free: make([]uint32, n), fill: poison}
	p.base = uintptr(unsafe.Pointer(unsafe.SliceData(p.mem)))
	if step&(step-1) == 0 {
		p.shift = uint8(bits.TrailingZeros(uint(step)))
	}
	for i := range p.free {
		p.free[i] = uint32(n - 1 - i)
	}
	if poison {
		Poison(p.mem)
	}
	return p, nil
}

// Get takes a buffer, or nil when all are out.
func (p *Pool) Get() []byte {
	if len(p.free) == 0 {
		return nil
	}
	i := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return p.At(int(i))
}

// Put gives a buffer back: the slice that Get returned or any part of it that
// is not empty.
func (p *Pool) Put(b []byte) {
	i := p.Index(b)
	if p.fill {
		Poison(p.At(i))
	}
	p.free = append(p.free, uint32(i)) // never grows: free holds at most what it held at first
}

// At is buffer i, whole.
func (p *Pool) At(i int) []byte {
	o := i * p.size
	return p.mem[o : o+p.cap : o+p.cap]
}

// Index is the number of the buffer that b starts in; it panics when b is not
// of this pool.
func (p *Pool) Index(b []byte) int {
	if !p.Has(b) {
		panic("backends: buffer is not of this pool")
	}
	at := uint(uintptr(unsafe.Pointer(unsafe.SliceData(b))) - p.base)
	if p.shift != 0 {
		return int(at >> p.shift)
	}
	return int(at / uint(p.size))
}

// Has reports whether b starts in a buffer of the pool.
func (p *Pool) Has(b []byte) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(b)))-p.base < uintptr(len(p.mem))
}

// Len is the number of buffers at rest.
func (p *Pool) Len() int { return len(p.free) }

// Cap is the number of buffers, lent or not.
func (p *Pool) Cap() int { return len(p.mem) / p.size }

// Memory is all of the pool's, and the bytes from one buffer to the next.
func (p *Pool) Memory() (mem []byte, step int) { return p.mem, p.size }

// Close unmaps the pool.
func (p *Pool) Close() error { return p.arena.Free() }

// Poison overwrites b so that reading it too early or too late shows.
func Poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
