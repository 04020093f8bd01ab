package workloads

import (
	"bytes"
	"fmt"
	"os"

	"github.com/ringbench/ringbench/backends"
)

// Limits of what a load keeps to be compared after it.
const (
	keptMax  = 64       // writes, or pages of reads, a loop
	keptRoom = 64 << 20 // bytes, over all loops
)

// keeps is what a loop remembers of its operations, to be compared with what
// pread finds after the load: where the last writes went, or pages that reads of a
// foreign file brought. The oldest give way to the newest.
type keeps struct {
	offsets []int64
	begun   []int64  // of writes, which is their generation
	pages   [][]byte // of reads
	n       uint64   // kept so far
}

func (k *keeps) open(r *Reader) error {
	switch {
	case r.cfg.Op != OpRead:
		k.offsets, k.begun = make([]int64, keptMax), make([]int64, keptMax)
	case r.cfg.Foreign:
		n := max(1, min(keptMax, keptRoom/backends.PageSize/r.cfg.loops(r.traits)))
		arena, err := backends.NewArena(n * backends.PageSize)
		if err != nil {
			return err
		}
		k.offsets = make([]int64, n)
		for range n {
			k.pages = append(k.pages, arena.Bytes(backends.PageSize))
		}
	}
	return nil
}

func (k *keeps) wrote(off, begun int64) {
	i := k.n % uint64(len(k.offsets))
	k.offsets[i], k.begun[i] = off, begun
	k.n++
}

// read keeps what came from byte off, a page at most.
func (k *keeps) read(page []byte, off int64) {
	i := k.n % uint64(len(k.offsets))
	k.offsets[i] = off
	k.pages[i] = k.pages[i][:copy(k.pages[i][:backends.PageSize], page)]
	k.n++
}

// compare reads what all loops have kept by pread, around the backends.
func (r *Reader) compare() error {
	if r.cfg.Op == OpRead && !r.cfg.Foreign {
		return nil
	}
	f, err := os.Open(fmt.Sprintf("/proc/thread-self/fd/%d", r.file.Fd())) // without O_DIRECT; loops may have tables of their own
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, r.cfg.Size)
	oldest := r.oldest()
	for _, l := range r.loops {
		k := &l.keeps
		for i := range min(k.n, uint64(len(k.offsets))) {
			off, b := k.offsets[i], block
			if k.pages != nil {
				b = block[:len(k.pages[i])]
			}
			if _, err := f.ReadAt(b, off); err != nil {
				return fmt.Errorf("compare with the file: pread of %d bytes at %d: %w", len(b), off, err)
			}
			if k.pages != nil {
				if !bytes.Equal(b, k.pages[i]) {
					return fmt.Errorf("of a read the %d bytes at %d are others than pread brings", len(b), off)
				}
				continue
			}
			switch generation, ok := r.writes.Stamped(b, off); {
			case !ok:
				return fmt.Errorf("the %d bytes at %d are not those that were written", len(b), off)
			case generation < uint64(oldest[off]):
				return fmt.Errorf("the %d bytes at %d are those of an earlier write than the last", len(b), off)
			}
		}
	}
	return nil
}

// oldest is, for each byte at which a write is kept, when the write may have begun
// whose block is there: with the last, or earlier by no more than the longest
// operation took, since of two at a time either may be the one that stays.
func (r *Reader) oldest() map[int64]int64 {
	longest, oldest := int64(0), map[int64]int64{}
	for _, l := range r.loops {
		longest = max(longest, l.longest)
	}
	for _, l := range r.loops {
		for i := range min(l.keeps.n, uint64(len(l.keeps.begun))) {
			off := l.keeps.offsets[i]
			oldest[off] = max(oldest[off], l.keeps.begun[i]-longest)
		}
	}
	return oldest
}
