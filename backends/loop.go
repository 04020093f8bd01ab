package backends

import "time"

// A Loop runs operations for one goroutine; all methods but Counters belong to
// the goroutine that opened it.
type Loop interface {
	// Submit lends op to the loop. It does not fail: what is wrong with the
	// op is told by its completion. It may do the I/O at once or leave it to
	// Wait; it never blocks. Submitting an op that is lent is a bug and panics.
	// It returns true when an op with Inline is done as a whole: the loan has
	// ended, and no completion follows.
	Submit(op *Op) (done bool)
	// Wait starts what was submitted, blocks until at least min completions
	// are there or timeout has passed, and stores up to len(dst) of them.
	// A negative timeout has no end; min 0 does not block. It may return
	// fewer than min after timeout, or when an interrupt makes it stop early.
	// An error means that the loop itself is broken.
	Wait(dst []Completion, min int, timeout time.Duration) (n int, err error)
	// Recycle gives a buffer of a SelectBuf completion back: the slice as it
	// came or any part of it that is not empty. Where a loop hands one buffer
	// out in pieces, each goes back by itself.
	Recycle(buf []byte)
	// Close cancels what is in flight, waits for it and returns every loan;
	// handlers are not called. Descriptors of the owner stay open.
	Close() error
	// Counters is what the loop has done so far. Any goroutine may call it;
	// while Wait is blocked the figures are exact, else at most one Wait old.
	Counters() Counters
}

// A Backend makes loops of one kind.
type Backend interface {
	// Name is the variant's full name, such as "uring+sqpoll".
	Name() string
	// Probe is nil when loops can be opened here; else an error, an
	// *Unavailable where the environment refuses, that names what is missing,
	// since which kernel it exists, and the remedy.
	Probe() error
	// Traits describes the loops that Open makes here, after Probe was nil.
	Traits() Traits
	// Open makes a loop that belongs to the calling goroutine.
	Open(Config) (Loop, error)
}

// Traits is what a user must know of a backend, and what a result records.
type Traits struct {
	// Blocking loops make one blocking call at a time, so that a loop serves
	// one connection (a thread or goroutine each); others serve any number.
	Blocking bool
	// Spawn starts a new blocking loop for each connection rather than
	// drawing on a pool of fixed size.
	Spawn bool
	// Tier names the level of kernel support in force, "" where there is one.
	Tier string
	// Links is true where the flag Link is honoured, so that what must follow
	// in order may be submitted at once.
	Links bool
	// Bundles is true where linked Sends on one descriptor go out together, so
	// that it pays to submit them so.
	Bundles bool
	// Splices, Sendfile and Copies are true where the ops Splice, Sendfile and
	// Copy are carried out.
	Splices, Sendfile, Copies bool
	// FilePool is true where ops on files are left to Config.Threads threads of
	// the loop's own, which use the descriptors of the process.
	FilePool bool
	// HandsOver is true where loops that Accept from one descriptor with Multishot
	// get its connections in turn, so that a server has one listener for all of
	// them. The loops must then use the descriptors of the process, not a table of
	// their own (OwnDescriptors).
	HandsOver bool
	// Splicing is true where a variant asks for it that what is only passed on
	// goes by Splice (feature splice).
	Splicing bool
	// Sendfiling is true where it is asked for that a file goes to a socket by
	// Sendfile (feature sendfile), as package net does unless a variant forbids it.
	Sendfiling bool
	// Features in force, the names that variants use, sorted.
	Features []string
	// Streams are those of the Features that datagrams are received and sent
	// without; with some a RecvFrom is -EINVAL.
	Streams []string
	// Datagrams are those of the Features that act on datagrams alone.
	Datagrams []string
	// Memory is true for a loop that moves bytes within itself and knows no
	// sockets: the harness's own floor.
	Memory bool
}

// Config sizes a Loop. Zero values choose defaults.
type Config struct {
	Entries int // submission queue entries or events a batch; default 1024
	BufSize int // bytes of a buffer that the loop chooses; default 4096
	Bufs    int // how many of those the loop has; default 256; rounded up to a power of two
	Threads int // threads of a loop that leaves files to a pool of them (epoll); default 4, as libuv has; at most 1024
	CPU     int // 1 + the CPU for a kernel thread of the loop's (sqpoll); 0: not pinned
	// Poison fills buffers with 0xDB whenever the owner must not read them:
	// on lending one for Recv and on Recycle. For tests.
	Poison bool
}

// WithDefaults returns c with every zero replaced and limits applied.
func (c Config) WithDefaults() Config {
	if c.Entries <= 0 {
		c.Entries = 1024
	}
	if c.BufSize <= 0 {
		c.BufSize = 4096
	}
	if c.Bufs <= 0 {
		c.Bufs = 256
	}
	if c.Threads <= 0 {
		c.Threads = 4
	}
	c.Threads = min(c.Threads, 1024)
	c.Entries = ceilPow2(min(c.Entries, 1<<15))
	c.Bufs = ceilPow2(min(c.Bufs, 1<<15))
	return c
}

func ceilPow2(n int) int {
	p := 1
	for p < n {
		p <<= 1
	}
	return p
}

// An Unavailable error says that this environment cannot run a backend.
type Unavailable struct {
	Backend string // the variant
	Why     string // what is missing and since which kernel it exists
	Remedy  string // what the user can do
	Err     error  // the kernel's answer, may be nil
}

func (u *Unavailable) Error() string {
	s := "backend " + u.Backend + " is not available here: " + u.Why
	if u.Err != nil {
		s += " (" + u.Err.Error() + ")"
	}
	if u.Remedy != "" {
		s += "; " + u.Remedy
	}
	return s
}

func (u *Unavailable) Unwrap() error { return u.Err }
