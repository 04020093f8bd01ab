package reports

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ringbench/ringbench/internal/result"
)

var update = flag.Bool("update", false, "rewrite the golden files; read the difference before you commit it")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./reports -update rewrites it); got:\n%s", path, got)
	}
}

func table(t *testing.T, s *result.Set) string {
	t.Helper()
	out := onTerminal(t, Terminal{}, s)
	for _, line := range strings.Split(out, "\n") {
		if n := utf8.RuneCountInString(line); n > tableWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	return out
}

// All of an ordinary run fits in a page of code.
func TestTableGolden(t *testing.T) {
	out := table(t, newSet(5, 1, 64))
	golden(t, "table.txt", out)
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestTableFigures holds single cells to what the profiles say, by hand.
func TestTableFigures(t *testing.T) {
	out := table(t, newSet(5, 64))
	for _, want := range []string{
		"118,000",                        // median of 118000 × {1, 1.02, 0.98, 1.04, 0.96}
		"4.0",                            // (1.04-0.96)/2 in %
		"6,812 (3±1 % u)",                // 6812 ns; the error of five trials is 0.01/√5
		"12,312 (4±1 % u)",               // 0.3 of 7.26 busy s: p = 0.041, n = 7.26 × 250, √(p(1-p)/n) = 0.005
		"12.0",                           // MiB
		"0.264",                          // the server's own count, not the tracepoint's
		"2.41",                           // net: the tracepoint's
		"steal median 3.0 %, most 5.0 %", // {2…10} % of one of two CPUs
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestTableOfAwkwardSets(t *testing.T) {
	long := newSet(6, 10000)
	for i := range long.Plan.Cells {
		c := &long.Plan.Cells[i]
		c.Contestant = "uring-multishot+sqpoll-defer+" + strings.Repeat("x", 60) + c.Contestant
		c.Rate, c.Pipeline, c.Size = 1e6, 128, 1<<20
	}
	for i := range long.Trials {
		tr := &long.Trials[i]
		tr.Messages *= 100
		tr.Server.CPUSeconds *= 1e5
		tr.Server.Helpers = []result.Helper{{Name: "iou-sqp", Threads: 1, CPUSeconds: 0.25}, {Name: "iou-wrk", Threads: 4, CPUSeconds: 0.5}}
		r, l := newHistogram(1e9, 400), newHistogram(1e4, 400)
		tr.Response, tr.SendLag, tr.Unserved, tr.Offered = &r, &l, 7, 1_000_123
		late, calm := newHistogram(5e8, 400), newHistogram(5e4, 400)
		tr.Hiccups = &result.Hiccups{Server: &late, Client: &calm}
	}
	void := newSet(2, 64)
	for i := range void.Trials {
		v := &void.Trials[i]
		*v = result.Trial{Cell: v.Cell, Block: v.Block, Order: v.Order, Void: "server died: signal: killed"}
	}
	bare := newSet(3, 64)
	for i := range bare.Trials {
		b := &bare.Trials[i]
		*b = result.Trial{Cell: b.Cell, Seconds: 1, Messages: 10}
	}
	busy := newSet(2, 64)
	for i := range busy.Trials {
		busy.Trials[i].Machine.OtherSeconds = 0.2 // of two CPUs: 10 %
		busy.Trials[i].Verdict = result.ClientBound
	}
	escape := newSet(1, 64)
	escape.Plan.Cells[0].Contestant = "\x1b[31mred\r\n"
	escape.Trials[0].Verdict = "bound\x1b[2J\n"
	escape.Warnings = []string{"beware \x1b]0;title\a"}

	for _, c := range []struct {
		name string
		set  *result.Set
		want []string
	}{
		{"empty", &result.Set{}, []string{"no trial counts"}},
		{"long names, open loop, helpers", long, []string{"of it iou-sqp (1)", "of it iou-wrk (4)", "from the send", "offered/s", "1,000,123", "server CPUs  ", "server CPUs, client CPUs: how late", "send lag", "7 of 10,000 connections never answered"}},
		{"all void", void, []string{"8 of 8 are void", "server died: signal: killed (2 times)"}},
		{"bare", bare, []string{"interference: not measured", "syscalls not counted"}},
		{"busy", busy, []string{"above 5 %", "client-bound: uring (tcp, 64 connections × 64 B, closed loop): in 2 of 2 trials"}},
		{"escapes", escape, []string{"?[31mred??", "bound?[2J?", "warning: beware ?]0;title?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := table(t, c.set)
			for _, w := range c.want {
				if !strings.Contains(strings.ReplaceAll(out, "\n    ", " "), w) {
					t.Errorf("no %q in\n%s", w, out)
				}
			}
			if strings.ContainsAny(out, "\x1b\a\r") {
				t.Errorf("control characters in %q", out)
			}
			if strings.Contains(out, "NaN") || strings.Contains(out, "Inf") {
				t.Errorf("not a number in\n%s", out)
			}
		})
	}
}

// An open loop that offered more than was answered says so, and so do times that
// no histogram could hold.
func TestTableSaysOverload(t *testing.T) {
	s := newSet(2, 64)
	for i := range s.Plan.Cells {
		s.Plan.Cells[i].Rate = float64(s.Trials[i].Messages+s.Trials[i+len(s.Plan.Cells)].Messages)/2 + 1
	}
	s.Plan.Cells[1].Rate = 121_100
	s.Trials[2].Clipped = 17
	out := strings.Join(strings.Fields(table(t, s)), " ")
	for _, want := range []string{
		"overload: epoll (tcp, 64 connections × 64 B, open loop at 121100 messages/s): 110,090 of the 121,100 messages/s offered were answered",
		"warning: threadpool (tcp", "17 times were longer than the 100 s",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if n := strings.Count(out, "overload: "); n != 1 {
		t.Errorf("%d contestants are said to be overloaded, one was", n)
	}
}

// What a client spun is in no figure a message, and a note says how much it was.
func TestTableWithoutSpin(t *testing.T) {
	s := newSet(1, 64)
	c := s.Trials[0].Client
	c.SpinSeconds = 0.75 * c.CPUSeconds
	out := strings.Join(strings.Fields(table(t, s)), " ")
	for _, want := range []string{" 1,275 ", "spin: uring (tcp, 64 connections × 64 B, closed loop): the generator polled for 75 % of its CPU time"} {
		if !strings.Contains(out, want) { // of 5,100 ns
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

// A percentile of the wait in the backlog that lies among connections which
// waited to the end is a lower bound, and is said to be one.
func TestTableBoundsTheWait(t *testing.T) {
	s := newSet(1, 10)
	for i, c := range []struct {
		unserved int
		want     string
	}{
		{0, "p50 4.00 ms, longest 10.0 ms"},
		{5, "p50 4.00 ms, longest ≥ 10.0 ms"},
		{6, "p50 ≥ 4.00 ms, longest ≥ 10.0 ms"},
	} {
		wait := result.NewHistogram()
		for n := range 10 {
			wait.RecordValue([]int64{4e6, 10e6}[n/5])
		}
		s.Plan.Cells[i].Workers = 10 - c.unserved
		s.Trials[i].BacklogWait, s.Trials[i].Unserved = &wait, c.unserved
		if out := strings.Join(strings.Fields(table(t, s)), " "); !strings.Contains(out, c.want) {
			t.Errorf("no %q with %d unserved in:\n%s", c.want, c.unserved, out)
		}
	}
}

// What a reader must know of how the figures came about: what the sums hold, and
// which load the floor is of.
func TestTableSaysWhatTheFiguresAre(t *testing.T) {
	for irq, want := range map[string]string{
		"task":  "softirqs too, charged to whom they interrupt",
		"apart": "softirqs not: this kernel charges them to no process",
		"":      "how this kernel charges them is not known",
	} {
		s := newSet(2, 1, 64)
		s.Env.IRQAccounting = irq
		out := strings.Join(strings.Fields(table(t, s)), " ")
		for _, want := range []string{want, "harness floor (null backend, nothing is sent) under the first of 2 loads, tcp, 1 connection × 64 B, closed loop: 121 ns"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q: no %q in\n%s", irq, want, out)
			}
		}
	}
	if out := table(t, newSet(2, 64)); strings.Contains(out, "under the first") {
		t.Errorf("there is one load:\n%s", out)
	}
}

// Interference is told for each row, in columns where there is room, and where
// it is above the limit in words.
func TestTableOfInterference(t *testing.T) {
	s := newSet(2, 1, 64)
	for i := range s.Trials {
		m := s.Trials[i].Machine
		m.StealSeconds, m.OtherSeconds = 0.02, 0.01
		if s.Trials[i].Cell == 5 {
			m.StealSeconds, m.OtherSeconds = 0.16, 0.14 // of two CPUs: 8 and 7 %
		}
	}
	const words = "interference: tcp, 64 connections × 64 B, closed loop: above 5 %: epoll (steal 8.0 %, other processes 7.0 %)"
	out := table(t, s)
	if said := strings.Join(strings.Fields(out), " "); !strings.Contains(said, "2 8.0 7.0 server-bound") || !strings.Contains(said, words) || strings.Count(said, ": above 5 %: ") != 1 {
		t.Errorf("epoll at 64 connections was disturbed:\n%s", out)
	}
	for i := range s.Plan.Cells {
		s.Plan.Cells[i].Contestant += "-without-this-and-that-and-others"
	}
	out = table(t, s)
	if strings.Contains(out, "  steal  ") || !strings.Contains(out, "threadpool-without-this-and-that-and-others") || !strings.Contains(strings.Join(strings.Fields(out), " "), ": above 5 %: ") {
		t.Errorf("the names need the room:\n%s", out)
	}
	if page := pageOf(t, s); !strings.Contains(page, `>8.0</td><td data-sort="7">7.0</td>`) {
		t.Error("the page does not tell it")
	}
}

// A foreign server of several processes is named as such, and told of when some
// of them ended.
func TestTableOfProcesses(t *testing.T) {
	s := newSet(2, 64)
	s.Plan.Cells[3] = result.Cell{Contestant: "mine", Command: "./run.sh {port}", Load: s.Plan.Cells[2].Load}
	for i := range s.Trials {
		if t := &s.Trials[i]; t.Cell == 3 {
			t.Server.Processes, t.Server.ProcessesEnded = 3, t.Block
		}
	}
	out := strings.Join(strings.Fields(table(t, s)), " ")
	for _, want := range []string{"mine: foreign server of 3 processes, whose memory is added up, ./run.sh {port}",
		"processes: mine (tcp, 64 connections × 64 B, closed loop): some ended within the window in 1 of 2 trials"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// What all left out, and a figure that the tracepoint could not give, are said
// with their reasons.
func TestTableSaysWhatIsMissing(t *testing.T) {
	s := newSet(2, 64)
	s.Plan.LeftOut = []result.LeftOut{{Contestant: "uring", Why: "a filter forbids it; run without"}}
	s.Trials[2].TracedSyscalls, s.Trials[2].TraceFailure = nil, "too many open files; raise the limit"
	out := strings.Join(strings.Fields(table(t, s)), " ")
	name := s.Plan.Name(s.Trials[2].Cell)
	for _, want := range []string{"left out: a filter forbids it; run without", "system calls: " + name, "not counted by tracepoint in 1 of 2 trials: too many open files; raise the limit"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}
