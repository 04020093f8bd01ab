package uring

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

func family(t *testing.T, mask caps) *Backend {
	t.Helper()
	b := &Backend{variant: backends.Variant{Family: "uring"}, mask: mask}
	testenv.Need(t, "uring", b.Probe())
	return b
}

func find(t *testing.T, list []backends.Capability, name string) backends.Capability {
	t.Helper()
	i := slices.IndexFunc(list, func(c backends.Capability) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no capability %s", name)
	}
	return list[i]
}

// A lesserKernel answers in the kernel's place as one that lacks some things, as
// such a kernel does, or refuses them.
type lesserKernel struct {
	ops      []uint8                             // not known to PROBE
	setup    uint32                              // flags that are invalid
	requests []uint32                            // of io_uring_register, not known
	refuse   func(setup, request int) unix.Errno // or 0; either is none in the other's call
}

const none = -1

// install makes the package meet k, which it has never met before.
func (k lesserKernel) install(t *testing.T) {
	t.Helper()
	forget := func() {
		known.Lock()
		known.kernel = kernel{}
		known.Unlock()
	}
	refuse := k.refuse
	if refuse == nil {
		refuse = func(int, int) unix.Errno { return 0 }
	}
	forget()
	sysSetup = func(entries uint32, p *uapi.Params) (int, unix.Errno) {
		if p.Flags&k.setup != 0 {
			return -1, unix.EINVAL
		}
		if errno := refuse(int(p.Flags), none); errno != 0 {
			return -1, errno
		}
		return uapi.Setup(entries, p)
	}
	sysRegister = func(fd int, request uint32, arg unsafe.Pointer, n uint32) (int, unix.Errno) {
		if slices.Contains(k.requests, request) {
			return 0, unix.EINVAL
		}
		if errno := refuse(none, int(request)); errno != 0 {
			return 0, errno
		}
		got, errno := uapi.Register(fd, request, arg, n)
		if request == uapi.RegisterProbe && errno == 0 {
			for _, op := range k.ops {
				(*uapi.Probe)(arg).Ops[op].Flags = 0
			}
		}
		return got, errno
	}
	t.Cleanup(func() {
		sysSetup, sysRegister = uapi.Setup, uapi.Register
		forget()
	})
}

// What trying finds is what the kernel answers where it can be asked
// (IORING_REGISTER_QUERY, Linux 6.18).
func TestSurveyAgainstQuery(t *testing.T) {
	q, ok := query()
	if !ok {
		t.Skip("this kernel has no IORING_REGISTER_QUERY")
	}
	lesserKernel{requests: []uint32{uapi.RegisterQuery}}.install(t)
	s := ask()
	if s.errno != 0 || len(s.refused) > 0 {
		t.Fatalf("%v, %v", s.errno, s.refused)
	}
	for code := range uint32(256) {
		if got := s.ops.Has(uint8(code)); got != (code < q.RequestOps) {
			t.Errorf("opcode %d: %v by PROBE, QUERY knows %d", code, got, q.RequestOps)
		}
	}
	for _, k := range []struct {
		offers []offer
		answer func(offer) bool
	}{
		{setups, func(o offer) bool { return q.SetupFlags&o.bit != 0 }},
		{feats, func(o offer) bool { return q.Features&o.bit != 0 }},
		{enters, func(o offer) bool { return q.EnterFlags&o.bit != 0 }},
		{entries, func(o offer) bool { return q.SQEFlags&o.bit != 0 }},
		{registers, func(o offer) bool { return uint32(o.bit) < q.RegisterOps && o.bit != uapi.RegisterQuery }},
	} {
		for _, o := range k.offers {
			if f := s.found[o.name]; f != (finding{has: k.answer(o)}) {
				t.Errorf("%s: tried %+v, asked %v", o.name, f, k.answer(o))
			}
		}
	}
	for _, f := range []struct {
		c      caps
		answer bool
	}{
		{deferred, q.SetupFlags&uapi.SetupDeferTaskrun != 0}, {coop, q.SetupFlags&uapi.SetupCoopTaskrun != 0},
		{single, q.SetupFlags&uapi.SetupSingleIssuer != 0}, {sqpoll, q.SetupFlags&uapi.SetupSQPoll != 0},
		{ioPoll, q.SetupFlags&uapi.SetupIOPoll != 0}, {hybridPoll, q.SetupFlags&uapi.SetupHybridIOPoll != 0},
		{ownMemory, q.SetupFlags&uapi.SetupNoMmap != 0}, {noSQArray, q.SetupFlags&uapi.SetupNoSQArray != 0},
		{minWait, q.Features&uapi.FeatMinTimeout != 0}, {noIOWait, q.EnterFlags&uapi.EnterNoIOWait != 0},
		{regWait, q.EnterFlags&uapi.EnterExtArgReg != 0}, {async, q.SQEFlags&uapi.SQEAsync != 0},
		{ringFD, q.RegisterOps > uapi.RegisterRingFDs}, {bufRings, q.RegisterOps > uapi.RegisterPbufRing},
		{napi, q.RegisterOps > uapi.RegisterNAPI}, {iowqMax, q.RegisterOps > uapi.RegisterIOWQMaxWorkers},
	} {
		if s.have.has(f.c) != f.answer {
			t.Errorf("capability %b: tried %v, asked %v", f.c, s.have.has(f.c), f.answer)
		}
	}
}

// A kernel is as old as its youngest flag: whoever knows BIND (Linux 6.11) knows
// all that came before, and the flags of requests are tried rightly.
func TestArgumentsTried(t *testing.T) {
	s := ask()
	testenv.Need(t, "uring", family(t, 0).Probe())
	for op, names := range map[uint8][]string{
		uapi.OpSendZC: {"IORING_ASYNC_CANCEL_ALL", "IORING_ASYNC_CANCEL_FD", "IORING_ASYNC_CANCEL_ANY", "IORING_ASYNC_CANCEL_FD_FIXED",
			"IORING_TIMEOUT_ABS", "IORING_TIMEOUT_UPDATE", "IORING_LINK_TIMEOUT_UPDATE", "IORING_TIMEOUT_BOOTTIME", "IORING_TIMEOUT_REALTIME", "IORING_TIMEOUT_ETIME_SUCCESS"},
		uapi.OpBind: {"IORING_ACCEPT_DONTWAIT", "IORING_ACCEPT_POLL_FIRST", "IORING_TIMEOUT_MULTISHOT", "IORING_ASYNC_CANCEL_USERDATA", "IORING_ASYNC_CANCEL_OP", "IOU_PBUF_RING_MMAP"},
	} {
		for _, name := range names {
			if s.ops.Has(op) && s.found[name] != (finding{has: true}) {
				t.Errorf("%s: %+v", name, s.found[name])
			}
		}
	}
	r, errno := newRing(8, 16, 0, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer r.close()
	for _, fill := range []func(*uapi.SQE, int32){accepting(1 << 15), timing(1 << 31), retiming(1 << 31), cancelling(1 << 31), polling(1 << 31)} {
		if has, errno := tryArgument(r, offer{fill: fill}); has || errno != 0 {
			t.Errorf("a flag that no kernel has: %v, %v", has, errno)
		}
	}
}

// Every variant that the list names exists, and differs from the default in
// that feature; every feature is listed.
func TestCapabilityVariants(t *testing.T) {
	b := family(t, 0)
	list := b.capabilities(ask())
	agree(t, list)
	seen := map[string]bool{}
	for _, c := range list {
		if seen[c.Name] || c.Doc == "" || !strings.Contains(c.Since, "Linux ") || c.Usable != (c.Why == "") || c.Usable && !c.Supported || c.Default && !c.Supported || c.Unknown && c.Supported {
			t.Errorf("%+v", c)
		}
		seen[c.Name] = true
	}
}

// agree holds the list against what loops of the variants use.
func agree(t *testing.T, list []backends.Capability) {
	t.Helper()
	inForce := family(t, 0).Traits().Features
	for _, f := range features {
		c := find(t, list, f.name)
		if c.Default != slices.Contains(inForce, f.name) {
			t.Errorf("%s: default %v, in force are %v", f.name, c.Default, inForce)
		}
		other, err := backends.Lookup(c.Variant)
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		if err := other.Probe(); err != nil {
			if c.Usable || c.Supported && f.refusal == nil && f.unusable == nil {
				t.Errorf("%+v, and %s is refused: %v", c, c.Variant, err)
			}
			continue
		}
		if !c.Supported {
			t.Errorf("%+v, and %s is to be had", c, c.Variant)
		}
		if got := other.Traits().Features; slices.Contains(got, f.arg()) == c.Default {
			t.Errorf("%s has the features %v", c.Variant, got)
		}
	}
}

// On a kernel that lacks an operation, a flag or a request the list says so, the
// variants are refused, and the default and its tier make do without.
func TestLesserKernels(t *testing.T) {
	full := family(t, 0)
	if full.Traits().Tier != "6.1" {
		t.Skip("this kernel has not all that is to be taken away")
	}
	before := full.capabilities(ask())
	for name, c := range map[string]struct {
		kernel lesserKernel
		tier   string
		lacks  []string
		takes  string // the default's place of what is lacking
	}{
		"operation":  {lesserKernel{ops: []uint8{uapi.OpSendZC}}, "6.1", []string{"IORING_OP_SEND_ZC", "zc", "zcfixed"}, "defer"},
		"operations": {lesserKernel{ops: []uint8{uapi.OpProvideBuffers, uapi.OpLinkTimeout, uapi.OpMsgRing}}, "6.1", []string{"IORING_OP_PROVIDE_BUFFERS", "IORING_OP_LINK_TIMEOUT", "IORING_OP_MSG_RING", "msgring", "provide", "linktimeout"}, "defer"},
		"defer":      {lesserKernel{setup: uapi.SetupDeferTaskrun}, "5.19", []string{"defer"}, "coop"},
		"coop":       {lesserKernel{setup: uapi.SetupDeferTaskrun | uapi.SetupCoopTaskrun | uapi.SetupTaskrunFlag}, "5.15", []string{"defer", "coop", "IORING_SETUP_TASKRUN_FLAG"}, "multishot"},
		"sqpoll":     {lesserKernel{setup: uapi.SetupSQPoll}, "6.1", []string{"sqpoll", "sqcpu", "sqidle"}, "defer"},
		"sizes":      {lesserKernel{setup: uapi.SetupSQE128 | uapi.SetupAttachWQ}, "6.1", []string{"IORING_SETUP_SQE128", "IORING_SETUP_ATTACH_WQ"}, "defer"},
		"request":    {lesserKernel{requests: []uint32{uapi.RegisterPbufRing}}, "5.15", []string{"bufring", "inc", "recvbundle", "sendbundle", "IOU_PBUF_RING_MMAP"}, "multishot"},
		"requests": {
			lesserKernel{requests: []uint32{uapi.RegisterQuery, uapi.RegisterClock, uapi.RegisterRingFDs, uapi.RegisterNAPI}}, "6.1",
			[]string{"IORING_REGISTER_QUERY", "IORING_REGISTER_CLOCK", "ringfd", "napi"}, "defer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.kernel.install(t)
			b := family(t, 0)
			if got := b.Traits().Tier; got != c.tier {
				t.Errorf("tier %s, expected %s", got, c.tier)
			}
			list := Capabilities()
			agree(t, list)
			for _, was := range before {
				now := find(t, list, was.Name)
				if slices.Contains(c.lacks, was.Name) {
					if now.Supported || now.Unknown || now.Usable || now.Default || now.Why != notHere {
						t.Errorf("%+v", now)
					}
				} else if now.Supported != was.Supported {
					t.Errorf("%+v, before %+v", now, was)
				}
			}
			if now := find(t, list, c.takes); !now.Default || now.Variant != "uring-"+c.takes {
				t.Errorf("%+v", now)
			}
		})
	}
	t.Run("used", func(t *testing.T) { // no tier does without it
		lesserKernel{ops: []uint8{uapi.OpRecv}}.install(t)
		for _, c := range Capabilities() {
			if c.Supported || c.Usable || c.Default || c.Why == "" {
				t.Errorf("%+v", c)
			}
		}
		if err := (&Backend{variant: backends.Variant{Family: "uring"}}).Probe(); !errors.Is(err, unix.ENOSYS) {
			t.Errorf("%v", err)
		}
	})
}

// Where a kernel has a part of multishot, that part is in force, listed and to be
// taken away, and what no loop can use is not.
func TestPartsOfMultishot(t *testing.T) {
	for name, c := range map[string]struct {
		mask caps
		has  bool
	}{
		"accept and poll": {recvMulti, true},
		"poll":            {recvMulti | acceptMulti, false},
	} {
		b := family(t, c.mask)
		got := find(t, b.capabilities(ask()), "multishot")
		if got.Supported != c.has || got.Default != c.has || got.Default != slices.Contains(b.Traits().Features, "multishot") {
			t.Errorf("%s: %+v, in force are %v", name, got, b.Traits().Features)
		}
		for v, want := range map[string]bool{"uring+multishot": c.has, "uring-multishot": true, "uring+poll+multishot": true} {
			b := &Backend{variant: variant(t, v), mask: c.mask}
			if err := b.Probe(); (err == nil) != want {
				t.Errorf("%s: %s: %v", name, v, err)
			}
		}
	}
}

// A request that can be tried only on a ring that is not to be had is not known.
func TestUnknown(t *testing.T) {
	family(t, 0)
	lesserKernel{setup: uapi.SetupDeferTaskrun, requests: []uint32{uapi.RegisterQuery}}.install(t)
	for _, c := range Capabilities() {
		if want := c.Name == "IORING_REGISTER_RESIZE_RINGS" || c.Name == "IORING_REGISTER_ZCRX_IFQ"; c.Unknown != want || c.Unknown && (c.Supported || c.Usable || c.Why == notHere) {
			t.Errorf("%+v", c)
		}
	}
}

// What is refused for another reason than that the kernel lacks it costs that
// feature alone, with its reason, and only until it is granted.
func TestRefusedFeatures(t *testing.T) {
	family(t, 0)
	const iopoll = uapi.SetupIOPoll
	for name, c := range map[string]struct {
		setup, request int
		errno          unix.Errno
		feature, words string
	}{
		"policy":      {uapi.SetupSQPoll, none, unix.EACCES, "sqpoll", "audit log"},
		"threads":     {uapi.SetupSQPoll, none, unix.EAGAIN, "sqpoll", "ulimit -u"},
		"privilege":   {uapi.SetupSQPoll, none, unix.EPERM, "sqpoll", "as root"},
		"interrupted": {iopoll, none, unix.EINTR, "iopoll", "leave +iopoll out"},
		"locked":      {none, uapi.RegisterBuffers, unix.ENOMEM, "zcfixed", "ulimit -l"},
		"region":      {none, uapi.RegisterMemRegion, unix.ENOMEM, "regwait", "ulimit -l"},
		"descriptors": {uapi.SetupCoopTaskrun, none, unix.EMFILE, "coop", "ulimit -n"},
		"files":       {uapi.SetupNoMmap, none, unix.ENFILE, "hugepage", "fs.file-max"},
		"rings":       {none, uapi.RegisterRingFDs, unix.EBUSY, "ringfd", "-ringfd"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.errno == unix.ENOMEM { // which will not pass
				defer func(pause time.Duration) { longestPause = pause }(longestPause)
				longestPause = 0
			}
			granted := false
			lesserKernel{refuse: func(setup, request int) unix.Errno {
				if !granted && (setup != none && c.setup != none && setup&c.setup != 0 || request != none && request == c.request) {
					return c.errno
				}
				return 0
			}}.install(t)
			i := slices.IndexFunc(features, func(f feature) bool { return f.name == c.feature })
			added := variant(t, "uring+"+features[i].arg())
			if err := (&Backend{variant: backends.Variant{Family: "uring"}}).Probe(); err != nil {
				t.Fatalf("the default: %v", err)
			}
			got := find(t, Capabilities(), c.feature)
			if got.Supported || !got.Unknown || got.Usable || got.Default || got.Why != "refused: "+c.errno.Error() {
				t.Errorf("%+v", got)
			}
			err := (&Backend{variant: added}).Probe()
			var u *backends.Unavailable
			if !errors.As(err, &u) || !errors.Is(err, c.errno) || !strings.Contains(u.Why, "feature "+c.feature+" is refused") || !strings.Contains(u.Remedy, c.words) {
				t.Errorf("%v", err)
			}
			granted = true
			if got := find(t, Capabilities(), c.feature); !got.Supported || got.Unknown {
				t.Errorf("once granted: %+v", got)
			}
			if err := (&Backend{variant: added}).Probe(); err != nil && features[i].refusal == nil && features[i].unusable == nil {
				t.Errorf("once granted: %v", err)
			}
		})
	}
}

// A refusal of the plain ring is one of everything.
func TestRefusedRing(t *testing.T) {
	lesserKernel{refuse: func(setup, _ int) unix.Errno {
		if setup != none {
			return unix.EACCES
		}
		return 0
	}}.install(t)
	for _, c := range Capabilities() {
		if c.Supported || c.Usable || c.Default || !strings.Contains(c.Why, "security policy") {
			t.Errorf("%+v", c)
		}
	}
	if err := (&Backend{variant: backends.Variant{Family: "uring"}}).Probe(); !errors.Is(err, unix.EACCES) {
		t.Errorf("%v", err)
	}
}
