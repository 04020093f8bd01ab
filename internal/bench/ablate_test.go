package bench

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/ctwin"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/workloads"
)

// fake is a backend whose default has feature "on"; of the others each is there
// for one reason not to be measured, or to be.
type fake struct{ backends.Variant }

func (f fake) Name() string { return f.String() }
func (f fake) Open(cfg backends.Config) (backends.Loop, error) {
	if f.Has("heavy", false) {
		return nil, errors.New("too heavy")
	}
	b, err := backends.Lookup("null")
	if err != nil {
		return nil, err
	}
	l, err := b.Open(cfg)
	held.add(1)
	return fakeLoop{l}, err
}
func (f fake) Probe() error {
	if f.Has("refused", false) {
		return &backends.Unavailable{Backend: f.Name(), Why: "the kernel refuses it", Remedy: "wait"}
	}
	return nil
}
func (f fake) Traits() (t backends.Traits) {
	for _, name := range []string{"on", "off", "sqpoll"} {
		if f.Has(name, name == "on") {
			t.Features = append(t.Features, name)
		}
	}
	return t
}

type fakeLoop struct{ backends.Loop }

func (l fakeLoop) Close() error {
	held.add(-1)
	return l.Loop.Close()
}

// held is how many loops of the fake there are, and how many there were at most.
var held loopCount

type loopCount struct {
	mu        sync.Mutex
	now, most int
}

func (c *loopCount) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	c.most = max(c.most, c.now)
}

func registerFake() {
	backends.Register(backends.Family{
		Name: "fake",
		Features: map[string]backends.Feature{
			"on": {}, "off": {}, "sqpoll": {}, "heavy": {}, "refused": {}, "useless": {}, "missing": {}, "unexplained": {}, "level=": {}, "depth=": {},
		},
		New: func(v backends.Variant) (backends.Backend, error) { return fake{v}, nil },
		Capabilities: func() []backends.Capability {
			return []backends.Capability{
				{Name: "off", Supported: true, Usable: true, Variant: "fake+off"},
				{Name: "useless", Supported: true, Why: "loopback has none"},
				{Name: "missing", Since: "IORING_MISSING, Linux 7.0"},
				{Name: "unexplained", Supported: true},
				{Name: "level", Supported: true, Usable: true, Variant: "fake+level=3"},
				{Name: "IORING_OP_NOP", Supported: true, Usable: true},
			}
		},
	})
}

func TestAblationPlan(t *testing.T) {
	a := Ablation{Options: options(), Backend: "fake"}
	a.echo().Conns = []int{1, 64}
	p, _, err := a.Plan()
	if err != nil {
		t.Fatal(err)
	}
	if !p.Duet || p.Purpose != result.PurposeAblation {
		t.Errorf("duet %v, purpose %q", p.Duet, p.Purpose)
	}
	const each = 5 // A/A, level, off, on, sqpoll
	if len(p.Matches) != 2*each || len(p.Cells) != 2*(each+1) {
		t.Fatalf("%d matches of %d cells, want %d of %d", len(p.Matches), len(p.Cells), 2*each, 2*(each+1))
	}
	want := []string{"A/A fake again", "+level=3 fake+level=3", "+off fake+off", "-on fake-on", "+sqpoll fake+sqpoll"}
	for i, m := range p.Matches {
		a, b := p.Cells[m.A], p.Cells[m.B]
		if got := m.Label + " " + a.Contestant; got != want[i%each] {
			t.Errorf("match %d is %q, want %q", i, got, want[i%each])
		}
		if b.Contestant != "fake" || b.Load != a.Load || b.Conns != a.Conns {
			t.Errorf("match %d compares %+v with %+v", i, a, b)
		}
		if m.Same != (i%each == 0) || m.Apart != (m.Label == "+sqpoll") {
			t.Errorf("match %d: %+v", i, m)
		}
	}
	_, reasons := said(p)
	for name, part := range map[string]string{
		"fake+refused": "the kernel refuses it", "fake+useless": "loopback has none", "fake+missing": "IORING_MISSING, Linux 7.0",
		"fake+heavy": "too heavy", "fake+unexplained": "it cannot act here", "fake+depth": "depth needs a value",
	} {
		if !strings.Contains(reasons[name], part) {
			t.Errorf("%s is left out because %q, want %q", name, reasons[name], part)
		}
	}
	if len(reasons) != 6 {
		t.Errorf("left out: %v", reasons)
	}
}

func TestAblationOfSomeFeatures(t *testing.T) {
	a := Ablation{Options: options(), Backend: "fake", Only: []string{"on", "useless"}}
	p, _, err := a.Plan()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Matches) != 2 || p.Matches[1].Label != "-on" || len(p.LeftOut) != 1 {
		t.Errorf("matches %+v, left out %+v", p.Matches, p.LeftOut)
	}
}

// Every feature of every backend is either measured or left out with a reason,
// unless none is left to be measured.
func TestAblationCoversAllFeatures(t *testing.T) {
	for _, f := range backends.Families() {
		b, err := backends.Lookup(f.Name)
		if err != nil || len(f.Features) == 0 || b.Probe() != nil || f.Rank == 0 {
			continue
		}
		a := Ablation{Options: options(), Backend: f.Name}
		p, _, err := a.Plan()
		if err != nil && strings.HasPrefix(err.Error(), "no feature of "+f.Name+" can be measured; ") {
			for name := range f.Features {
				if !strings.Contains(err.Error(), name) {
					t.Errorf("%v: nothing is said of %s", err, name)
				}
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		labels, reasons := said(p)
		if n := len(labels) + len(reasons); n != len(f.Features)+1 {
			t.Errorf("%s: %q and %q for %d features and A/A", f.Name, labels, reasons, len(f.Features))
		}
		for name := range f.Features {
			name = strings.TrimSuffix(name, "=")
			if !slices.ContainsFunc(append(labels, slices.Collect(maps.Keys(reasons))...), func(l string) bool { return strings.Contains(l, name) }) {
				t.Errorf("%s: nothing is said of %s", f.Name, name)
			}
		}
	}
}

// said is what an ablation measures, and why it does not measure the rest.
func said(p *result.Plan) (labels []string, reasons map[string]string) {
	reasons = map[string]string{}
	for _, m := range p.Matches {
		labels = append(labels, m.Label)
	}
	for _, o := range p.LeftOut {
		reasons[o.Contestant] = o.Why
	}
	return labels, reasons
}

// What is measured depends on what the loops do under the load; what two would
// get in each other's way with is run apart.
func TestAblationOfWorkloads(t *testing.T) {
	tcp, raw, one := []string{"tcp"}, []string{workloads.Raw}, []int{1}
	echo := EchoGrid{Networks: tcp, Conns: one, Sizes: []int{64}, Pipelines: one}
	piped, datagrams := echo, echo
	piped.Pipelines, datagrams.Networks = []int{1, 8}, []string{"udp"}
	requests := func(n ...int) *ChurnGrid {
		return &ChurnGrid{Networks: tcp, Conns: one, Sizes: []int{64}, RequestsPerConn: n}
	}
	read := func(op string, caches ...string) *ReadGrid {
		return &ReadGrid{Sizes: []int{4096}, Depths: one, Patterns: []string{Random}, Op: op, Caches: caches, FileBytes: 1 << 20, Dir: t.TempDir()}
	}
	const nothing = ", of which there is none here"
	for name, c := range map[string]struct {
		grid     Grid
		backend  string
		features []string
		labels   []string
		reasons  map[string]string
	}{
		"echo": {&piped, "uring", []string{"sendbundle", "skip", "fixedbufs", "regwait", "msgring"}, []string{"A/A", "+skip", "A/A", "+sendbundle", "+skip"}, map[string]string{
			"uring+sendbundle": "it acts on send with link to the same descriptor, of which there is none under tcp, 1 connection × 64 B, closed loop",
			"uring+fixedbufs":  "it acts on read-at with select-buf" + nothing,
			"uring+msgring":    "backend uring+msgring hands connections from loop to loop, and with --loops=1 there is no other: use --loops=2 or more, or leave the feature out",
			"uring+regwait":    "it acts on no op: the arguments of waits with a time limit lie in registered memory",
		}},
		"datagrams": {&datagrams, "uring", []string{"async", "multishot"}, []string{"A/A", "-multishot"}, map[string]string{
			"uring+async": "it acts on accept, connect, recv, send, read-at, write-at, fsync, fdatasync, splice" + nothing,
		}},
		"churn":            {requests(1), "uring", []string{"multishot", "regfiles"}, []string{"A/A", "-multishot"}, map[string]string{"uring+regfiles": "64 times" + nothing}},
		"churn that lasts": {requests(100), "uring", []string{"regfiles"}, []string{"A/A", "+regfiles"}, nil},
		"read": {read("read"), "uring", []string{"fixedbufs", "multishot", "iowq", "link"}, []string{"A/A", "+fixedbufs"}, map[string]string{
			"uring-multishot": "it acts on accept with multishot; recv, recv-from with multishot and select-buf" + nothing,
			"uring+iowq=2":    "it acts on write-at, fsync, fdatasync, splice" + nothing,
			"uring+link":      "with link" + nothing,
		}},
		"fsync": {read("fsync"), "uring", []string{"fixedbufs", "iowq", "link"}, []string{"A/A apart", "+iowq=2 apart", "+link apart"}, map[string]string{
			"uring+fixedbufs": "it acts on read-at with select-buf" + nothing,
		}},
		"proxy": {&ProxyGrid{EchoGrid: echo, Modes: []string{ModeRequest}}, "uring", []string{"splice", "skip", "sqpoll"}, []string{"A/A", "+splice", "+sqpoll apart"}, map[string]string{
			"uring+skip": "to the same descriptor" + nothing,
		}},
		"stream": {&StreamGrid{Networks: tcp, Protocols: raw, RequestsPerConn: one, Conns: one, FileSizes: []int{1 << 20}, BufSizes: []int{4096}, Dir: t.TempDir()}, "uring", []string{"bufring", "link", "regfiles"}, []string{"A/A", "+link", "+regfiles"}, map[string]string{
			"uring-bufring": "it acts on recv, recv-from with select-buf" + nothing,
		}},
		"stream by net": {&StreamGrid{Networks: tcp, Protocols: raw, RequestsPerConn: one, Conns: one, FileSizes: one, BufSizes: []int{4096}, Dir: t.TempDir()}, "net", nil, []string{"A/A", "+cork", "-sendfile"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, added := range append(c.features, "") {
				if b, err := backends.Lookup(strings.TrimSuffix(c.backend+"+"+added, "+")); err == nil { // but with a value
					testenv.Need(t, c.backend, b.Probe())
				}
			}
			a := Ablation{Options: options(), Backend: c.backend, Only: c.features}
			a.Grid = c.grid
			p, _, err := a.Plan()
			if err != nil {
				t.Fatal(err)
			}
			labels, reasons := said(p)
			for i, m := range p.Matches {
				if m.Apart {
					labels[i] += " apart"
				}
			}
			if !slices.Equal(labels, c.labels) {
				t.Errorf("measured are %q, want %q", labels, c.labels)
			}
			for variant, part := range c.reasons {
				if !strings.Contains(reasons[variant], part) {
					t.Errorf("%s is left out because %q, want %q", variant, reasons[variant], part)
				}
			}
			if len(reasons) != len(c.reasons) {
				t.Errorf("left out are %v, want %v", reasons, c.reasons)
			}
		})
	}
}

// What several loops do together is measured where there are several, and refused
// where there are not.
func TestAblationOfLoops(t *testing.T) {
	b, err := backends.Lookup("uring+msgring")
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, "uring", b.Probe())
	a := Ablation{Options: options(), Backend: "uring", Only: []string{"msgring"}}
	o := options("uring", "uring+msgring")
	if _, _, err := o.Plan(); err == nil || !strings.Contains(err.Error(), "with --loops=1 there is no other") {
		t.Errorf("one loop: %v", err)
	}
	a.Loops = 2
	p, _, err := a.Plan()
	if err != nil {
		t.Fatal(err)
	}
	if labels, reasons := said(p); !slices.Equal(labels, []string{"A/A", "+msgring"}) {
		t.Errorf("%q, %v", labels, reasons)
	}
}

// The twin of io_uring has buffers like ours, load by load; a backend that cannot run
// here is left out with its reason.
func TestCalibrationPlan(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("cc"))
	o := options("epoll", "net", "fake+refused")
	o.echo().Conns, o.echo().Sizes = []int{1, 1000}, []int{64, 20_000}
	twins["echo"].programs["fake"] = ctwin.Epoll
	defer delete(twins["echo"].programs, "fake")
	c := Calibration{Options: o, Workload: "echo"}
	names, err := c.Programs()
	if err != nil || !slices.Equal(names, []string{ctwin.Epoll}) {
		t.Fatalf("programs %q, error %v", names, err)
	}
	programs, err := ctwin.Build(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	defer programs.Remove()
	c.Twins = programs
	p, _, err := c.Plan()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range p.Matches[:3] {
		got = append(got, p.Cells[m.A].Contestant+" / "+p.Cells[m.B].Contestant)
	}
	if want := []string{"epoll / c-epoll", "net / c-epoll", "c-epoll again / c-epoll"}; !slices.Equal(got, want) || len(p.Matches) != 4*3 || len(p.Cells) != 4*4 {
		t.Errorf("%d matches of %d cells, first %q, want 12 of 16 and %q", len(p.Matches), len(p.Cells), got, want)
	}
	for _, cell := range p.Cells {
		if want := programs.Path(ctwin.Epoll) + " {port}"; cell.Backend == "" && cell.Command != want {
			t.Errorf("command %q, want %q", cell.Command, want)
		}
	}
	for load, want := range map[result.Load]string{
		{Conns: 1, Size: 64}:        " {port} 4096 256",
		{Conns: 1000, Size: 4096}:   " {port} 8192 2000",
		{Conns: 10, Size: 20_000}:   " {port} 32768 256",
		{Conns: 10, Size: 16 << 20}: " {port} 262144 16",
	} {
		load.Pipeline = 1
		cell, err := c.twin(result.Cell{Load: load, Loops: 1}, ctwin.Uring)
		if err != nil || cell.Command != programs.Path(ctwin.Uring)+want {
			t.Errorf("%+v: command %q, error %v, want %q", load, cell.Command, err, want)
		}
	}
	if len(p.LeftOut) != 1 || p.LeftOut[0].Contestant != "fake+refused" || !strings.Contains(p.LeftOut[0].Why, "the kernel refuses it") || p.Compiler == "" {
		t.Errorf("left out %+v, compiler %q", p.LeftOut, p.Compiler)
	}
}

// Proxies that splice, that of package net too, have a C program that does.
func TestCalibrationPlanOfProxies(t *testing.T) {
	o := proxyOptions("epoll", "epoll+splice", "net")
	g := o.Grid.(*ProxyGrid)
	g.Modes, g.Directions, g.Sizes = []string{ModeRequest, ModeStream}, []string{"both"}, nil
	c := Calibration{Options: o, Workload: "proxy", Twins: new(ctwin.Programs)}
	names, err := c.Programs()
	if err != nil || !slices.Equal(names, []string{ctwin.ProxyEpoll, ctwin.ProxySplice}) {
		t.Fatalf("programs %q, error %v", names, err)
	}
	p, _, err := c.Plan()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range p.Matches[:4] {
		got = append(got, p.Cells[m.A].Contestant+" / "+p.Cells[m.B].Contestant)
	}
	if want := []string{"epoll / c-epoll", "epoll+splice / c-splice", "net / c-splice", "c-epoll again / c-epoll"}; !slices.Equal(got, want) || len(p.Matches) != 2*4 {
		t.Errorf("%d matches, first %q, want 8 and %q", len(p.Matches), got, want)
	}
	for _, cell := range p.Cells {
		if cell.Backend == "" && !strings.HasSuffix(cell.Command, " {port} {origin}") {
			t.Errorf("command %q", cell.Command)
		}
	}
	cell, err := c.twin(result.Cell{Load: result.Load{Conns: 500, Size: 64, Pipeline: 1}, Loops: 1}, ctwin.ProxyUring)
	if err != nil || cell.Contestant != "c-uring" || cell.Command != "proxy-uring {port} {origin} 4096 2000" {
		t.Errorf("%s: command %q, error %v", cell.Contestant, cell.Command, err)
	}
}

// A backend whose C twin cannot run here is left out with what the twin says.
func TestCalibrationWithoutTwin(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("cc"))
	header := filepath.Join(t.TempDir(), "no-ring.h")
	if err := os.WriteFile(header, []byte("#include <sys/syscall.h>\n#undef __NR_io_uring_setup\n#define __NR_io_uring_setup 9999\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CC", "cc -include "+header)
	twins["echo"].programs["fake"] = ctwin.Uring
	defer delete(twins["echo"].programs, "fake")
	programs, err := ctwin.Build(t.Context(), ctwin.Uring, ctwin.Epoll)
	if err != nil {
		t.Fatal(err)
	}
	defer programs.Remove()
	c := Calibration{Options: options("fake", "epoll"), Workload: "echo", Twins: programs}
	p, _, err := c.Plan()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.LeftOut) != 1 || p.LeftOut[0].Contestant != "fake" || p.LeftOut[0].Why != "its C twin cannot run here: io_uring_setup: Function not implemented" {
		t.Errorf("left out %+v", p.LeftOut)
	}
	if len(p.Matches) != 2 {
		t.Errorf("matches %+v", p.Matches)
	}
}

func TestEstimate(t *testing.T) {
	o := options("epoll", "epoll")
	o.Duet, o.Trials, o.Duration, o.Warmup = true, 10, time.Second, 500*time.Millisecond
	one, err := Estimate(planOf(t, o))
	if err != nil {
		t.Fatal(err)
	}
	if one < 15*time.Second || one > 25*time.Second {
		t.Errorf("10 pairs of 1.5 s: %v", one)
	}
	o.Sessions, o.SessionGap = 3, time.Hour
	three, err := Estimate(planOf(t, o))
	if err != nil {
		t.Fatal(err)
	}
	if d := three - 2*time.Hour; d < 45*time.Second || d > 75*time.Second {
		t.Errorf("3 sessions an hour apart: %v", three)
	}
	o = options("epoll", "epoll")
	o.FindMax, o.SLO, o.Trials, o.Duration, o.Warmup = true, "p99<1ms", 3, time.Second, 500*time.Millisecond
	p := planOf(t, o)
	search, err := Estimate(p)
	if err != nil {
		t.Fatal(err)
	}
	if search < 2*20*1500*time.Millisecond || search > 2*20*2*time.Second {
		t.Errorf("2 searches of some 20 trials of 1.5 s: %v", search)
	}
	var outline strings.Builder
	if err := Outline(&outline, p, nil); err != nil || !strings.Contains(outline.String(), "echo: 2 cells, a search of about 20 blocks, about 1m") {
		t.Errorf("%s, %v", &outline, err)
	}
}
