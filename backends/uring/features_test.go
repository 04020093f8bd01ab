package uring

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// everything is what a current kernel has.
const everything = deferred | coop | single | ringFD | bufRings | recvMulti | acceptMulti | sqpoll | cancelByFD | noSQArray | submitAll |
	zeroCopy | zcFixed | links | linkTimeout | skipSuccess | sendBundles |
	incremental | provided | recvBundles | pollFirst | oneShot | pollThen | pollMulti | fixedFiles | fixedBuffers | waiting

func variant(t *testing.T, name string) backends.Variant {
	t.Helper()
	b, err := backends.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return b.(*Backend).variant
}

func TestVariants(t *testing.T) {
	for name, want := range map[string]string{
		"uring":                   "bufring defer multishot ringfd single",
		"uring-defer":             "bufring coop multishot ringfd single",
		"uring+coop":              "bufring coop multishot ringfd single",
		"uring-coop-defer":        "bufring multishot ringfd single",
		"uring-single":            "bufring coop multishot ringfd",
		"uring+sqpoll":            "bufring multishot ringfd single sqpoll",
		"uring+sqpoll-single":     "bufring multishot ringfd sqpoll",
		"uring-multishot":         "bufring defer ringfd single",
		"uring-bufring":           "defer multishot ringfd single",
		"uring-bufring-multishot": "defer ringfd single",
		"uring-ringfd":            "bufring defer multishot single",
		"uring+zc":                "bufring defer multishot ringfd single zc",
		"uring+zcfixed":           "bufring defer multishot ringfd single zc zcfixed",
		"uring+link":              "bufring defer link multishot ringfd single",
		"uring+linktimeout":       "bufring defer link linktimeout multishot ringfd single",
		"uring+skip":              "bufring defer link multishot ringfd single skip",
		"uring+sendbundle":        "bufring defer link multishot ringfd sendbundle single",
		"uring+inc":               "bufring defer inc multishot ringfd single",
		"uring+recvbundle":        "bufring defer multishot recvbundle ringfd single",
		"uring+provide":           "defer multishot provide ringfd single",
		"uring+oneshot":           "defer oneshot ringfd single",
		"uring+poll":              "bufring defer multishot poll ringfd single",
		"uring+poll-multishot":    "bufring defer poll ringfd single",
		"uring+fixedfile":         "bufring defer fixedfile multishot ringfd single",
		"uring+fixedbufs":         "bufring defer fixedbufs multishot ringfd single",
		"uring+pollfirst":         "bufring defer multishot pollfirst ringfd single",
	} {
		use, missing := choose(variant(t, name), everything)
		if missing != nil {
			t.Errorf("%s: %s is missing", name, missing.name)
		}
		if got := strings.Join(names(use), " "); got != want {
			t.Errorf("%s uses %s, expected %s", name, got, want)
		}
		if use.has(recvMulti) && use&(bufRings|provided) == 0 {
			t.Errorf("%s: a multishot receive needs a buffer ring", name)
		}
	}
}

func TestContradictions(t *testing.T) {
	for name, say := range map[string]string{
		"uring+sqpoll+defer":  "sqpoll and defer exclude each other",
		"uring+coop+sqpoll":   "sqpoll and coop exclude each other",
		"uring+coop+defer":    "coop and defer exclude each other",
		"uring+defer-single":  "defer needs single",
		"uring+zc+sendbundle": "zc and sendbundle exclude each other",
		"uring+zc+skip":       "zc and skip exclude each other",
		"uring+zcfixed-zc":    "zcfixed needs zc",
		"uring+skip-link":     "skip needs link",

		"uring+oneshot+multishot":  "oneshot and multishot exclude each other",
		"uring+bufring+oneshot":    "oneshot and bufring exclude each other",
		"uring+inc+oneshot":        "oneshot and inc exclude each other",
		"uring+oneshot+provide":    "oneshot and provide exclude each other",
		"uring+oneshot+recvbundle": "oneshot and recvbundle exclude each other",
		"uring+bufring+provide":    "provide and bufring exclude each other",
		"uring+inc+provide":        "provide and inc exclude each other",
		"uring+provide+recvbundle": "provide and recvbundle exclude each other",
		"uring+poll+pollfirst":     "poll and pollfirst exclude each other",
		"uring+inc-bufring":        "inc needs bufring",
		"uring+recvbundle-bufring": "recvbundle needs bufring",

		"uring+link+poll":        "poll and link exclude each other",
		"uring+linktimeout+poll": "poll and linktimeout exclude each other",
		"uring+poll+skip":        "poll and skip exclude each other",
		"uring+poll+sendbundle":  "poll and sendbundle exclude each other",
	} {
		if _, err := backends.Lookup(name); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A feature that was asked for and is not there is an error that names it, for
// every feature.
func TestMissingFeature(t *testing.T) {
	testenv.Need(t, "uring", (&Backend{variant: backends.Variant{Family: "uring"}}).Probe())
	for _, f := range features {
		b := &Backend{variant: backends.Variant{Family: "uring", Add: []string{f.arg()}}, mask: f.bits}
		for what, err := range map[string]error{"probe": b.Probe(), "open": openError(b)} {
			var u *backends.Unavailable
			if !errors.As(err, &u) {
				t.Fatalf("%s of %s: %v", what, b.Name(), err)
			}
			if s := err.Error(); !strings.Contains(s, "feature "+f.name+" needs") || !strings.Contains(s, "Linux ") || !strings.Contains(s, b.Name()) {
				t.Errorf("%s: %s", what, s)
			}
		}
		// Not asked for, it is stepped down from.
		if err := (&Backend{variant: backends.Variant{Family: "uring"}, mask: f.bits}).Probe(); err != nil {
			t.Errorf("without %s: %v", f.name, err)
		}
	}
}

func openError(b *Backend) error {
	l, err := b.Open(backends.Config{})
	if err == nil {
		_ = l.Close()
	}
	return err
}

func TestTiers(t *testing.T) {
	for want, without := range map[string]caps{"6.1": sqpoll | ringFD | noSQArray, "5.19": recvMulti, "5.15": bufRings} {
		if got := tierOf(everything &^ without); got != want {
			t.Errorf("without %b the tier is %s, expected %s", without, got, want)
		}
	}
}

// Every way of being refused has a sentence and a remedy of its own.
func TestRefusals(t *testing.T) {
	seen := map[string]unix.Errno{}
	for _, errno := range []unix.Errno{unix.ENOSYS, unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOMEM, unix.EOPNOTSUPP, unix.EMFILE, unix.ENFILE, unix.EBUSY, unix.EIO} {
		u := explain("uring+sqpoll", errno, "0", "2")
		if u.Why == "" || u.Remedy == "" || !errors.Is(u, errno) || !strings.Contains(u.Error(), "uring+sqpoll") || strings.Contains(u.Error(), "\n") {
			t.Errorf("%v: %v", errno, u)
		}
		if other, dup := seen[u.Why]; dup {
			t.Errorf("%v says the same as %v", errno, other)
		}
		seen[u.Why] = errno
	}
	for _, c := range []struct {
		errno           unix.Errno
		sysctl, seccomp string
		words           string
	}{
		{unix.EPERM, "", "2", "a seccomp filter forbids"},
		{unix.EPERM, "0", "2", "a seccomp filter forbids"},
		{unix.EPERM, "0", "", "a seccomp filter forbids"},
		{unix.EPERM, "0", "0", "neither a seccomp filter nor"},
		{unix.EPERM, "1", "0", "io_uring_disabled is 1"},
		{unix.EPERM, "2", "2", "io_uring_disabled is 2"},
		{unix.ENOSYS, "", "0", "this kernel has no io_uring, or one older than Linux 5.11 ("},
		{unix.ENOSYS, "", "2", "or a seccomp filter hides it"},
		{unix.ENOSYS, "0", "2", "this kernel has io_uring, and a seccomp filter hides it"},
	} {
		if s := explain("uring", c.errno, c.sysctl, c.seccomp).Error(); !strings.Contains(s, c.words) {
			t.Errorf("%v, sysctl %q, seccomp %q: %s", c.errno, c.sysctl, c.seccomp, s)
		}
	}
}

// The sysctl's value 1 does not concern root and the members of a group: who is
// refused all the same is refused by something else.
func TestLetThrough(t *testing.T) {
	const machine, container = "         0          0 4294967295\n", "0 100000 65536\n"
	user := "Gid:\t1000\t1000\t1000\t1000\nGroups:\t4 1000 \nCapEff:\t0000000000000000\n"
	root := "Gid:\t0\t0\t0\t0\nGroups:\t0 \nCapEff:\t000001ffffffffff\n"
	for _, c := range []struct {
		status, users, group string
		want                 bool
	}{
		{root, machine, "-1", true},
		{root, container, "-1", false},
		{root, "", "-1", false},
		{strings.Replace(root, "1ff", "000", 1), machine, "-1", true},
		{"Gid:\t0\t0\t0\t0\nCapEff:\t00000000a80425fb\n", machine, "-1", false}, // Docker's root
		{user, machine, "-1", false},
		{user, machine, "4", true},
		{user, machine, "1000", true},
		{user, machine, "100", false},
		{"Gid:\t0\t0\t0\t7\n", machine, "7", true},
		{"", "", "", false},
	} {
		if got := letThrough(c.status, c.users, c.group); got != c.want {
			t.Errorf("%q, users %q, group %s: %v", c.status, c.users, c.group, got)
		}
	}
}

// What says how streams are received and sent does not act on datagrams.
func TestStreamOnly(t *testing.T) {
	datagrams := append(backends.Kinds(backends.Multishot|backends.SelectBuf, backends.RecvFrom), backends.Kinds(backends.SelectBuf, backends.SendTo)...)
	for _, f := range features {
		if on := (backends.Feature{On: f.on}); f.bits&streamOnly != 0 && on.ActsOn(datagrams) {
			t.Errorf("%s acts on %s", f.name, on.Target())
		}
	}
}

func TestFamily(t *testing.T) {
	fams := backends.Families()
	i := slices.IndexFunc(fams, func(f backends.Family) bool { return f.Name == "uring" })
	if i < 0 || fams[i].Rank != 1 || len(fams[i].Features) != len(features) {
		t.Fatalf("%+v", fams)
	}
}
