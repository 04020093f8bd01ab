package storage

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/uapi"
)

// Cool writes what is dirty of f to the device, drops its first size bytes from
// the page cache and makes sure that they are gone.
func Cool(f *os.File, size int64) error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync the file: %w", cause(err))
	}
	if err := told(f); err != nil {
		return err
	}
	var left int64
	for range 10 { // pages that a CPU has just touched stay at the first try
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			return fmt.Errorf("drop the file from the page cache: %w", err)
		}
		var err error
		if left, _, err = Resident(f, size); err != nil || left == 0 {
			return err
		}
	}
	return fmt.Errorf("the file is not cold: %d pages of it stay in the page cache; is another program using it, or has it no device (tmpfs)?", left)
}

// Heat reads the first size bytes of f and makes sure that they are in the page
// cache. A few pages that something took away meanwhile (DAMON does) are read again.
func Heat(f *os.File, size int64) error { return heat(f, size, Resident) }

func heat(f *os.File, size int64, resident func(*os.File, int64) (in, pages int64, err error)) error {
	if err := told(f); err != nil {
		return err
	}
	var in, pages int64
	buf := make([]byte, chunk)
	for range 5 {
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{io.NewSectionReader(f, 0, size)}, buf)
		if err != nil {
			return fmt.Errorf("read the file through: %w", cause(err))
		}
		if n < size {
			return fmt.Errorf("the file has shrunk: it ends at byte %d of %d", n, size)
		}
		if in, pages, err = resident(f, size); err != nil || in == pages {
			return err
		}
		if pages-in > pages/50 { // it has no room, and reading it from the device again would give it none
			break
		}
	}
	return fmt.Errorf("the file is not hot: only %d of its %d pages stay in the page cache; use a smaller --file-size", in, pages)
}

// told is nil when the kernel tells us which pages of f are in the page cache:
// those of one's own files and of those that one may write.
func told(f *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if uid := os.Geteuid(); uid == 0 || uint32(uid) == st.Uid || unix.Access(fmt.Sprintf("/proc/thread-self/fd/%d", f.Fd()), unix.W_OK) == nil {
		return nil
	}
	return fmt.Errorf("whether the file is in the page cache is told to its owner only; run as user %d, or use --direct", st.Uid)
}

// stretch is how much is mapped at a time.
const stretch = 1 << 30

// Resident counts the pages of the first size bytes of f that are in the page
// cache, by mincore(2), and all of them.
func Resident(f *os.File, size int64) (in, pages int64, err error) {
	page := int64(os.Getpagesize())
	vec := make([]byte, (min(size, stretch)+page-1)/page)
	for off := int64(0); off < size; off += stretch {
		n := min(stretch, size-off)
		mem, err := unix.Mmap(int(f.Fd()), off, int(n), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return 0, 0, fmt.Errorf("map the file to ask for its pages: %w", err)
		}
		part := vec[:(n+page-1)/page]
		err = uapi.Mincore(mem, part)
		if uerr := unix.Munmap(mem); err == nil {
			err = uerr
		}
		if err != nil {
			return 0, 0, fmt.Errorf("ask which pages are in memory: %w", err)
		}
		for _, v := range part {
			in += int64(v & 1)
		}
		pages += int64(len(part))
	}
	return in, pages, nil
}
