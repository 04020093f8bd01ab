package uring

import (
	"flag"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/backendtest"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A variant takes a second or more to be held to the contract, so that by
// default the most different ones are, over one kind of connection as the lower
// tiers are, and without files where those are treated alike: each feature has
// tests of its own.
var allVariants = flag.Bool("all-variants", false, "hold every variant to the contract, and wholly, not only the most different ones")

// hold runs a part of the suite, or all of it with -all-variants.
func hold(t *testing.T, b backends.Backend, part func(*testing.T, backends.Backend)) {
	if *allVariants {
		part = backendtest.Run
	}
	part(t, b)
}

// No tier has requests of its own for files.
func TestConformance(t *testing.T) {
	parts := map[string]func(*testing.T, backends.Backend){"6.1": backendtest.Run, "5.19": backendtest.RunStreams, "5.15": backendtest.RunBriefly}
	eachTier(t, func(t *testing.T, b *Backend) { hold(t, b, parts[b.Traits().Tier]) })
}

func TestConformanceOfVariants(t *testing.T) {
	variants := []string{
		"uring+sqpoll+sqidle=1ms", "uring+linktimeout+zcfixed+fixedfile+fixedbufs+msgring", "uring+async+batch=8+minwait=100us+naive+noiowait+regwait",
	}
	if *allVariants {
		variants = append(variants, "uring-defer", "uring-bufring", "uring+coop", "uring-defer-coop", "uring-single", "uring-ringfd", "uring-multishot",
			"uring-bufring-multishot", "uring-defer-multishot", "uring+sqpoll-bufring-multishot",
			"uring+async", "uring+naive", "uring+batch=8", "uring+minwait=200us", "uring+regwait", "uring+noiowait", "uring+napi=50us", "uring+iowq=2", "uring+async+iowq=1",
			"uring+sqpoll", "uring+sqpoll+batch=4+minwait=100us+regwait",
			"uring+zc", "uring+zcfixed+sqpoll", "uring+link-bufring", "uring+link+zc", "uring+linktimeout", "uring+skip", "uring+sendbundle",
			"uring+skip+sqpoll-multishot",
			"uring+inc", "uring+inc-multishot", "uring+recvbundle", "uring+recvbundle-multishot", "uring+inc+recvbundle", "uring+inc+sqpoll",
			"uring+provide", "uring+provide-multishot", "uring+provide+sqpoll", "uring+pollfirst", "uring+pollfirst+oneshot",
			"uring+oneshot", "uring+poll", "uring+poll-multishot", "uring+poll-bufring", "uring+poll+oneshot", "uring+inc+poll", "uring+poll+recvbundle",
			"uring+fixedfile", "uring+fixedbufs", "uring+fixedbufs+oneshot", "uring+fixedfile+oneshot", "uring+fixedfile+sqpoll", "uring+fixedfile+async", "uring+fixedfile+sendbundle", "uring+fixedfile+skip",
			"uring+linktimeout+provide", "uring+skip+inc", "uring+sendbundle+recvbundle", "uring+link+oneshot", "uring+link+pollfirst", "uring+poll+zc",
			"uring+msgring", "uring+msgring-multishot", "uring+fixedfile+msgring+sqpoll", "uring+naive+poll", "uring+naive+provide", "uring+batch=8+recvbundle")
	}
	for _, name := range variants {
		t.Run(name, func(t *testing.T) {
			b, err := backends.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			testenv.Need(t, "uring", b.Probe())
			hold(t, b, backendtest.RunBriefly)
		})
	}
}

// The same with every descriptor registered at its first use.
func TestConformanceOfRegisteredFiles(t *testing.T) {
	every(t)
	variants := []string{"uring+regfiles"}
	if *allVariants {
		variants = append(variants, "uring+regfiles+sqpoll", "uring+async+regfiles", "uring+regfiles+sendbundle", "uring+oneshot+poll+regfiles", "uring+link+regfiles+zc")
	}
	for _, name := range variants {
		t.Run(name, func(t *testing.T) {
			b := named(t, name)
			hold(t, b, backendtest.RunBriefly)
			if *allVariants {
				b.cqEntries = 8
				addFaults(b)
				hold(t, b, backendtest.RunBriefly)
			}
		})
	}
}

// In trouble are a completion queue of 8 entries, which overflows all the time,
// and errors that the kernel may give at any time.
func TestConformanceInTrouble(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		if b.mask != tiers["5.15"] && !*allVariants {
			t.Skip("-all-variants has it")
		}
		b.cqEntries = 8
		addFaults(b)
		hold(t, b, backendtest.RunBriefly)
	})
}

// The same for variants that have more to go on with after a completion than the
// default has.
func TestConformanceOfVariantsInTrouble(t *testing.T) {
	variants := []string{"uring+inc+recvbundle+fixedfile", "uring+poll+provide"}
	if *allVariants {
		variants = append(variants, "uring+recvbundle", "uring+recvbundle-multishot", "uring+inc", "uring+provide",
			"uring+provide-multishot", "uring+poll", "uring+poll-bufring", "uring+inc+poll+recvbundle", "uring+pollfirst",
			"uring+fixedfile", "uring+linktimeout+zcfixed", "uring+sendbundle")
	}
	for _, name := range variants {
		t.Run(name, func(t *testing.T) {
			b := &Backend{variant: variant(t, name), cqEntries: 8}
			testenv.Need(t, "uring", b.Probe())
			addFaults(b)
			hold(t, b, backendtest.RunStreams)
		})
		if !*allVariants {
			continue
		}
		for tier, mask := range tiers { // as far as the variant can be had there
			t.Run(name+"/tier="+tier, func(t *testing.T) {
				b := &Backend{variant: variant(t, name), cqEntries: 8, mask: mask}
				if err := b.Probe(); err != nil {
					t.Skip(err)
				}
				hold(t, b, backendtest.RunStreams)
			})
		}
	}
}

func addFaults(b *Backend) {
	var calls atomic.Uint64 // some tests run two loops at once
	b.enter = func(fd int, toSubmit, minComplete, flags uint32, arg unsafe.Pointer, size uintptr) (int, unix.Errno) {
		switch calls.Add(1) % 11 {
		case 1, 2:
			return 0, unix.EINTR
		case 3:
			return 0, unix.EAGAIN
		case 4:
			return 0, unix.EBUSY
		case 5:
			return 0, unix.ENOMEM
		case 6, 8:
			if toSubmit > 1 { // a partial submission does not wait
				return uapi.Enter(fd, 1, 0, flags&^uapi.EnterExtArg, nil, 0)
			}
		}
		return uapi.Enter(fd, toSubmit, minComplete, flags, arg, size)
	}
}
