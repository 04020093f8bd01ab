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
	deferred    caps = 1 << iota // run completions only when the loop asks for them
	coop                         // do not interrupt the loop to run completions
	single                       // one thread submits
	ringFD                       // the ring known to its thread by number
	bufRings                     // buffers chosen by the kernel from a ring
	recvMulti                    // receive stays armed
	acceptMulti                  // accept stays armed
	sqpoll                       // a kernel thread polls the submission queue
	cancelByFD                   // cancel all on a descriptor, or all there is
	noSQArray                    // no indirection in the submission queue
	submitAll                    // submit on after a bad entry
)

func (c caps) has(f caps) bool { return c&f == f }

// A feature is a name that variants use.
type feature struct {
	name  string
	bits  caps
	doc   string
	since string // what it needs, for errors
}

var features = []feature{
	{"bufring", bufRings, "the kernel chooses receive buffers from a shared ring", "IORING_REGISTER_PBUF_RING, Linux 5.19"},
	{"coop", coop, "completions do not interrupt the loop's thread; takes the place of defer", "IORING_SETUP_COOP_TASKRUN, Linux 5.19"},
	{"defer", deferred, "completions run only when the loop waits for them; implies single", "IORING_SETUP_DEFER_TASKRUN, Linux 6.1"},
	{"multishot", recvMulti | acceptMulti, "an accept or receive stays armed in the kernel; for receive only with bufring", "multishot accept, Linux 5.19, and receive, Linux 6.0"},
	{"ringfd", ringFD, "the ring is registered with its thread", "IORING_REGISTER_RING_FDS, Linux 5.18"},
	{"single", single, "the kernel may rely on one submitting thread", "IORING_SETUP_SINGLE_ISSUER, Linux 6.0"},
	{"sqpoll", sqpoll, "a kernel thread polls for submissions; takes the place of defer and coop", "IORING_SETUP_SQPOLL without registered files, Linux 5.11"},
}

func featureDocs() map[string]string {
	m := map[string]string{}
	for _, f := range features {
		m[f.name] = f.doc
	}
	return m
}

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
	for _, pair := range [][2]string{{"sqpoll", "defer"}, {"sqpoll", "coop"}, {"coop", "defer"}} {
		if asks(pair[0]) && asks(pair[1]) {
			return fmt.Errorf("variant %s contradicts itself: %s and %s exclude each other; leave one out", v, pair[0], pair[1])
		}
	}
	if asks("defer") && lacks("single") {
		return fmt.Errorf("variant %s contradicts itself: defer needs single; remove both or neither", v)
	}
	return nil
}

// choose is what a loop of variant v uses of what the kernel has. What v adds
// must be there; the rest is the best of what is.
func choose(v backends.Variant, have caps) (use caps, missing *feature) {
	use = have &^ sqpoll
	for i, f := range features {
		switch {
		case slices.Contains(v.Remove, f.name):
			use &^= f.bits
		case slices.Contains(v.Add, f.name):
			if !have.has(f.bits) {
				return 0, &features[i]
			}
			use |= f.bits
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
	if !use.has(bufRings) {
		use &^= recvMulti
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
