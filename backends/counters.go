package backends

import "sync/atomic"

// A Counter is one of the figures that every loop keeps of its own work.
type Counter int

// The counters. Those named Sys count system calls as entered, successful or
// not; together they are all the calls that the loop makes.
const (
	SysWait     Counter = iota // io_uring_enter, epoll_pwait2, ppoll
	SysRecv                    // recvfrom, read, pread64
	SysSend                    // sendto, write, pwrite64
	Submissions                // entries given to the kernel's submission queue
	Completions                // entries taken from the kernel's completion queue, or readiness events
	BytesIn                    // received, or read from files
	BytesOut                   // sent, or written to files

	SysAccept      // accept4
	SysSplice      // splice, sendfile
	SysThreads     // between a loop and its pool of threads: futex, and write to the eventfd
	SysOther       // epoll_ctl, close, shutdown, connect, fsync, fdatasync, …
	Again          // calls that ended in EAGAIN: asked in vain
	Interrupts     // calls that ended in EINTR
	ShortSends     // sends and writes that moved fewer bytes than asked
	NoBufs         // receives and reads that found no buffer to choose
	Rearms         // multishot operations started again by the loop
	Overflows      // times the completion queue was found overflowed
	Notifications  // zero-copy sends whose buffer the kernel has let go
	Copied         // of those, the ones that were copied after all
	NoZeroCopy     // zero-copy sends that the socket or a limit refused, sent by copying
	FixedSends     // sends from registered buffers
	FixedFileOps   // reads of files into registered buffers, and writes from them
	Links          // ops that the kernel was told to start after another
	HeldLinks      // ops that the loop itself started after another, as the kernel could not
	Skipped        // operations whose completion entry was saved, as another implied it
	SendBundles    // requests that sent several buffers
	SendBundleBufs // buffers sent so
	BufParts       // receives after which the kernel kept the rest of the buffer for the next
	Bundles        // receives that brought several buffers in one completion
	BundleBufs     // buffers that came so
	FileSlots      // descriptors put into the ring's table of files
	PlainFiles     // descriptors that were to be and could not
	Handovers      // connections handed to another loop
	KeptConns      // connections that it did not take, and that stayed
	Scheduled      // ops on files by threads that enter the kernel through the Go scheduler, for want of a P each
	NumCounters
)

var counterNames = [NumCounters]string{
	"sys_wait", "sys_recv", "sys_send", "submissions", "completions", "bytes_in", "bytes_out",
	"sys_accept", "sys_splice", "sys_threads", "sys_other", "eagain", "eintr", "short_sends", "no_bufs", "rearms", "cq_overflows",
	"zc_notifications", "zc_copied", "zc_refused", "fixed_sends", "fixed_file_ops", "links", "held_links", "skipped", "send_bundles", "send_bundle_bufs",
	"buf_parts", "recv_bundles", "recv_bundle_bufs", "file_slots", "plain_files", "handovers", "kept_conns", "scheduled_file_ops",
}

func (c Counter) String() string { return counterNames[c] }

// Counters is one reading of all of them.
type Counters [NumCounters]uint64

// Syscalls is the number of system calls made.
func (c *Counters) Syscalls() uint64 {
	return c[SysWait] + c[SysRecv] + c[SysSend] + c[SysAccept] + c[SysSplice] + c[SysThreads] + c[SysOther]
}

// ShareCopied is the share of zero-copy sends that were copied after all, by
// the kernel's own report; false when there were none.
func (c *Counters) ShareCopied() (share float64, ok bool) {
	if c[Notifications] == 0 {
		return 0, false
	}
	return float64(c[Copied]) / float64(c[Notifications]), true
}

// Add adds d to c.
func (c *Counters) Add(d Counters) {
	for i := range c {
		c[i] += d[i]
	}
}

// Sub returns c - d, what was done from d to c.
func (c Counters) Sub(d Counters) Counters {
	for i := range c {
		c[i] -= d[i]
	}
	return c
}

// Map names the figures, for printing and for result files.
func (c Counters) Map() map[string]uint64 {
	m := make(map[string]uint64, NumCounters)
	for i, v := range c {
		m[counterNames[i]] = v
	}
	return m
}

// CountersOf is the reverse of Map. Names that it does not know, as another version
// may have, it leaves out.
func CountersOf(m map[string]uint64) (c Counters) {
	for i, name := range counterNames {
		c[i] = m[name]
	}
	return c
}

// A Tally is a loop's live Counters, plain words that only the loop touches,
// and the copy of them that other goroutines may read.
type Tally struct {
	Counters
	pub [NumCounters]atomic.Uint64
}

// Publish makes the live figures visible to Read. Loops call it once a Wait,
// just before they block.
func (t *Tally) Publish() { publish(&t.pub, &t.Counters) }

// Read returns the published figures. Any goroutine may call it.
func (t *Tally) Read() (c Counters) {
	for i := range c {
		c[i] = t.pub[i].Load()
	}
	return c
}
