package uring

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ringbench/ringbench/backends"
)

// caps is a set of what the kernel can do, or of what a loop makes use of.
type caps uint64

const (
	deferred     caps = 1 << iota // run completions only when the loop asks for them
	coop                          // do not interrupt the loop to run completions
	single                        // one thread submits
	ringFD                        // the ring known to its thread by number
	bufRings                      // buffers chosen by the kernel from a ring
	recvMulti                     // receive stays armed
	acceptMulti                   // accept stays armed
	sqpoll                        // a kernel thread polls the submission queue
	cancelByFD                    // cancel all on a descriptor, or all there is
	noSQArray                     // no indirection in the submission queue
	submitAll                     // submit on after a bad entry
	zeroCopy                      // send from the owner's buffer itself
	zcFixed                       // and from the loop's buffers without pinning them each time
	links                         // the kernel starts an op when the one before has succeeded
	linkTimeout                   // and stops one that takes too long
	skipSuccess                   // no completion for what another implies
	sendBundles                   // sends of one chain go out as one
	incremental                   // buffers of the ring are used up piece by piece
	provided                      // buffers given to the kernel by requests
	recvBundles                   // one completion for several received buffers
	pollFirst                     // a receive waits for data before it tries
	oneShot                       // nothing stays armed, the kernel chooses no buffer
	pollThen                      // a poll request, and a receive when it fires
	pollMulti                     // the poll stays armed
	fixedFiles                    // accepted connections in a table of the ring's
	fixedBuffers                  // files are read and written without pinning the loop's buffers each time
	sendAddr                      // a send takes an address
	splicing                      // what is only passed on goes by Splice
)

// sending are the features of the send side, which only a variant that names
// them uses.
const sending = zeroCopy | zcFixed | links | linkTimeout | skipSuccess | sendBundles | splicing

func (c caps) has(f caps) bool { return c&f == f }

// A feature is a name that variants use.
type feature struct {
	name  string
	bits  caps
	doc   string
	since string          // what it needs, for errors
	on    []backends.Kind // see backends.Feature

	sample   string        // a sensible value, for a feature that takes one
	with     string        // what a variant adds along with it
	unusable func() string // why it cannot act on this machine although the kernel knows it, or ""
	refusal  func() string // why no loop can have it although the kernel knows it
}

// arg is how a variant's name adds the feature.
func (f feature) arg() string {
	if f.sample != "" {
		return f.name + "=" + f.sample
	}
	return f.name
}

var features = slices.Concat([]feature{
	{name: "bufring", bits: bufRings, on: chosenBufs, doc: "the kernel chooses receive buffers from a shared ring", since: "IORING_REGISTER_PBUF_RING, Linux 5.19"},
	{name: "coop", bits: coop, doc: "completions do not interrupt the loop's thread; takes the place of defer", since: "IORING_SETUP_COOP_TASKRUN, Linux 5.19"},
	{name: "defer", bits: deferred, doc: "completions run only when the loop waits for them; implies single", since: "IORING_SETUP_DEFER_TASKRUN, Linux 6.1"},
	{name: "multishot", bits: recvMulti | acceptMulti | pollMulti, on: stayArmed, doc: "an accept, receive or poll stays armed in the kernel; for receive only with bufring or provide", since: "multishot accept, Linux 5.19, and receive, Linux 6.0"},
	{name: "ringfd", bits: ringFD, doc: "the ring is registered with its thread", since: "IORING_REGISTER_RING_FDS, Linux 5.18"},
	{name: "single", bits: single, doc: "the kernel may rely on one submitting thread", since: "IORING_SETUP_SINGLE_ISSUER, Linux 6.0"},
	{name: "sqpoll", bits: sqpoll, doc: "a kernel thread polls for submissions; takes the place of defer and coop", since: "IORING_SETUP_SQPOLL without registered files, Linux 5.11"},
	{
		name: "zc", bits: zeroCopy, on: toStreams, unusable: alwaysCopied,
		doc:   "sends with the flag ZeroCopy go out of the owner's buffer, and the kernel reports which it copied after all",
		since: "IORING_OP_SEND_ZC with IORING_SEND_ZC_REPORT_USAGE, Linux 6.2",
	},
	{
		name: "zcfixed", bits: zcFixed, on: toStreams, unusable: alwaysCopied,
		doc:   "zero-copy sends of the loop's own buffers, which are registered with the kernel; implies zc",
		since: "IORING_OP_SEND_ZC with IORING_RECVSEND_FIXED_BUF, Linux 6.2 (with a report of what was copied)",
	},
	{
		name: "link", bits: links,
		on:    backends.Kinds(backends.Link, backends.Send, backends.Recv, backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync),
		doc:   "an op with the flag Link makes the kernel start the next when it has succeeded",
		since: "IOSQE_IO_LINK, Linux 5.3",
	},
	{
		name: "linktimeout", bits: linkTimeout, on: backends.Kinds(0, backends.LinkTimeout),
		doc:   "a LinkTimeout op limits the op before it; implies link",
		since: "IORING_OP_LINK_TIMEOUT, Linux 5.5",
	},
	{
		name: "skip", bits: skipSuccess, on: linkedSend,
		doc:   "no completion entry where the next one tells the same, as of a send that a receive is linked to; implies link",
		since: "IOSQE_CQE_SKIP_SUCCESS, Linux 5.17",
	},
	{
		name: "sendbundle", bits: sendBundles, on: linkedSend,
		doc:   "linked sends on one descriptor go out as one request; implies link",
		since: "IORING_RECVSEND_BUNDLE on IORING_OP_SEND, Linux 6.10",
	},
	{
		name: "fixedbufs", bits: fixedBuffers, on: backends.Kinds(backends.SelectBuf, backends.ReadAt),
		doc:   "reads and writes of files by the loop's own buffers, which are registered with the kernel",
		since: "IORING_OP_READ_FIXED, Linux 5.1",
	},
	{name: "splice", bits: splicing, on: backends.Kinds(0, backends.Splice), doc: backends.SpliceDoc, since: "IORING_OP_SPLICE, Linux 5.7"},
}, receiveFeatures, waitFeatures)

func familyFeatures() map[string]backends.Feature {
	m := map[string]backends.Feature{}
	for _, f := range features {
		name := f.name
		if f.sample != "" {
			name += "="
		}
		m[name] = backends.Feature{Doc: f.doc, On: f.on}
	}
	return m
}

// What several features act on.
var (
	chosenBufs = backends.Kinds(backends.SelectBuf, backends.Recv, backends.RecvFrom)
	stayArmed  = append(backends.Kinds(backends.Multishot, backends.Accept), backends.Kinds(backends.Multishot|backends.SelectBuf, backends.Recv, backends.RecvFrom)...)
	toStreams  = backends.Kinds(backends.ZeroCopy, backends.Send)
	linkedSend = []backends.Kind{{Code: backends.Send, Flags: backends.Link, SameFD: true}}
)

// tierOf names the level that the kernel reaches.
func tierOf(have caps) string {
	t519 := coop | bufRings | acceptMulti | cancelByFD
	switch {
	case have.has(t519 | deferred | single | recvMulti):
		return "6.1"
	case have.has(t519):
		return "5.19"
	}
	return "5.15"
}

// contradiction is an error when a variant asks for what excludes each other.
func contradiction(v backends.Variant) error {
	asks := func(f string) bool { return slices.Contains(v.Add, f) }
	lacks := func(f string) bool { return slices.Contains(v.Remove, f) }
	for _, pair := range [][2]string{
		{"sqpoll", "defer"}, {"sqpoll", "coop"}, {"coop", "defer"},
		{"oneshot", "multishot"}, {"oneshot", "bufring"}, {"oneshot", "inc"}, {"oneshot", "provide"}, {"oneshot", "recvbundle"},
		{"provide", "bufring"}, {"provide", "inc"}, {"provide", "recvbundle"},
		{"poll", "pollfirst"},
		{"zc", "sendbundle"}, {"zc", "skip"}, {"zcfixed", "sendbundle"}, {"zcfixed", "skip"}, {"sendbundle", "skip"},
	} {
		if asks(pair[0]) && asks(pair[1]) {
			return fmt.Errorf("variant %s contradicts itself: %s and %s exclude each other; leave one out", v, pair[0], pair[1])
		}
	}
	if asks("defer") && lacks("single") {
		return fmt.Errorf("variant %s contradicts itself: defer needs single; remove both or neither", v)
	}
	for _, need := range [][2]string{
		{"inc", "bufring"}, {"recvbundle", "bufring"},
		{"zcfixed", "zc"}, {"linktimeout", "link"}, {"skip", "link"}, {"sendbundle", "link"},
	} {
		if asks(need[0]) && lacks(need[1]) {
			return fmt.Errorf("variant %s contradicts itself: %s needs %s; leave one out", v, need[0], need[1])
		}
	}
	return conflict(v)
}

// choose is what a loop of variant v uses of what the kernel has. Of what v adds
// something must be there; the rest is the best of what is.
func choose(v backends.Variant, have caps) (use caps, missing *feature) {
	if !have.has(bufRings) {
		have &^= incremental | recvBundles // which are ways to use a ring
	}
	if !have.has(cancelByFD) {
		have &^= async // see cancelAgain
	}
	use = have &^ (sqpoll | sending | receiveStyle | waiting | fixedBuffers)
	for i, f := range features {
		switch {
		case slices.Contains(v.Remove, f.name):
			use &^= f.bits
		case asks(v, f.name):
			if have&f.bits == 0 {
				return 0, &features[i]
			}
			use |= have & f.bits
		}
	}
	switch {
	case use.has(sqpoll):
		use &^= deferred | coop
	case slices.Contains(v.Add, "coop") || !use.has(single):
		use &^= deferred
	}
	if use.has(deferred) {
		use &^= coop // implied
	}
	use = receiving(use)
	if use.has(zcFixed) {
		use |= zeroCopy
	}
	if use&(linkTimeout|skipSuccess|sendBundles) != 0 {
		use |= links
	}
	for i, f := range features {
		if asks(v, f.name) && use&f.bits == 0 {
			return 0, &features[i] // what there is of it is of no use to this loop
		}
	}
	return use, nil
}

// names lists the features in force, sorted.
func names(use caps) []string {
	var l []string
	for _, f := range features {
		if use&f.bits != 0 {
			l = append(l, f.name)
		}
	}
	slices.Sort(l)
	return l
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1
