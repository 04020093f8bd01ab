package uring

import (
	"slices"
	"strings"
	"testing"

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

// What trying finds is what the kernel answers where it can be asked
// (IORING_REGISTER_QUERY, Linux 6.18).
func TestSurveyAgainstQuery(t *testing.T) {
	q, ok := query()
	if !ok {
		t.Skip("this kernel has no IORING_REGISTER_QUERY")
	}
	s, b := ask(), family(t, 0)
	if s.errno != 0 {
		t.Fatal(s.errno)
	}
	for code := range uint32(256) {
		if got := s.ops.Has(uint8(code)); got != (code < q.RequestOps) {
			t.Errorf("opcode %d: %v by PROBE, QUERY knows %d", code, got, q.RequestOps)
		}
	}
	for _, k := range []struct {
		what          string
		offers        []offer
		tried, answer uint64
	}{
		{"setup", setups, s.setup, q.SetupFlags}, {"features", feats, s.feats, q.Features},
		{"enter", enters, s.enter, q.EnterFlags}, {"entry", entries, s.entry, q.SQEFlags},
	} {
		for _, o := range k.offers {
			if k.tried&o.bit != k.answer&o.bit {
				t.Errorf("%s %s: tried %v, asked %v", k.what, o.name, k.tried&o.bit != 0, k.answer&o.bit != 0)
			}
		}
	}
	have, _ := kernelCaps()
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
		if have.has(f.c) != f.answer {
			t.Errorf("capability %b: tried %v, asked %v", f.c, have.has(f.c), f.answer)
		}
	}
	for _, c := range b.capabilities(s) {
		if strings.HasPrefix(c.Name, "IORING_REGISTER_") && !c.Supported && c.Why != notHere {
			t.Errorf("%+v", c)
		}
	}
}

// Every variant that the list names exists, and differs from the default in
// that feature; every feature is listed.
func TestCapabilityVariants(t *testing.T) {
	b := family(t, 0)
	list := b.capabilities(ask())
	inForce := b.Traits().Features
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
		if f.refusal != nil || other.Probe() != nil {
			if c.Usable {
				t.Errorf("%s is called usable, and %s is refused: %v", f.name, c.Variant, other.Probe())
			}
			continue
		}
		got := other.Traits().Features
		if slices.Contains(got, f.arg()) == c.Default {
			t.Errorf("%s has the features %v", c.Variant, got)
		}
	}
	seen := map[string]bool{}
	for _, c := range list {
		if seen[c.Name] || c.Doc == "" || !strings.Contains(c.Since, "Linux ") || c.Usable != (c.Why == "") || c.Usable && !c.Supported || c.Default && !c.Supported {
			t.Errorf("%+v", c)
		}
		seen[c.Name] = true
	}
}

// What is masked is gone from the list, and the tier and the default with it.
func TestCapabilitiesMasked(t *testing.T) {
	whole := family(t, 0)
	all := whole.capabilities(ask())
	for tier, mask := range tiers {
		b := family(t, mask)
		if got := b.Traits().Tier; got != tier {
			t.Errorf("tier %s, expected %s", got, tier)
		}
		list := b.capabilities(ask())
		for _, f := range features {
			before, c := find(t, all, f.name), find(t, list, f.name)
			if want := before.Supported && f.bits&mask == 0; c.Supported != want {
				t.Errorf("tier %s: %s supported %v, expected %v", tier, f.name, c.Supported, want)
			}
			if !c.Supported && (c.Usable || c.Default || c.Why == "") {
				t.Errorf("tier %s: %+v", tier, c)
			}
		}
	}
	// Without defer the default makes do with coop, which the list says.
	if c := find(t, family(t, deferred).capabilities(ask()), "coop"); !c.Default || c.Variant != "uring-coop" {
		t.Errorf("%+v", c)
	}
}

// Opcodes, flags and requests that the kernel does not tell of are not supported.
func TestSurveyMasked(t *testing.T) {
	b, s := family(t, 0), ask()
	s.ops.Ops[uapi.OpMsgRing].Flags = 0
	s.setup &^= uapi.SetupNoSQArray
	s.feats &^= uapi.FeatCQESkip
	s.enter &^= uapi.EnterAbsTimer
	s.entry &^= uapi.SQEIODrain
	s.registers, s.sure = uapi.RegisterClock, false
	list := b.capabilities(s)
	for _, name := range []string{"IORING_OP_MSG_RING", "IORING_SETUP_NO_SQARRAY", "IORING_FEAT_CQE_SKIP", "IORING_ENTER_ABS_TIMER", "IOSQE_IO_DRAIN"} {
		if c := find(t, list, name); c.Supported || c.Usable || c.Default || c.Why != notHere {
			t.Errorf("%+v", c)
		}
	}
	if c := find(t, list, "IORING_REGISTER_CLOCK"); c.Supported || !strings.Contains(c.Why, "not known") {
		t.Errorf("%+v", c)
	}
	if c := find(t, list, "IORING_REGISTER_PBUF_STATUS"); !c.Supported {
		t.Errorf("%+v", c)
	}
	for _, c := range b.capabilities(survey{errno: unix.EPERM}) {
		if c.Supported || c.Usable || c.Default || c.Why == "" {
			t.Errorf("%+v", c)
		}
	}
}
