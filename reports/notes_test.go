package reports

import (
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// said joins the notes of a set that begin with a label.
func said(s *result.Set, label string) (text string, limits bool) {
	var all []string
	for _, n := range notes(s, views(s)) {
		if n.label == label {
			all = append(all, n.text)
			limits = limits || n.limits
		}
	}
	return strings.Join(all, "\n"), limits
}

// Disturbed trials are counted; where a cell has few others, its figures have them
// and the report says so.
func TestDisturbedTrialsAreCounted(t *testing.T) {
	s := newSet(3, 64)
	disturb := func(cell, n int) {
		for i := range s.Trials {
			if tr := &s.Trials[i]; tr.Cell == cell && n > 0 {
				tr.Disturbed = "other processes took 40 %"
				n--
			}
		}
	}
	if text, _ := said(s, "trials"); text != "12, all count" {
		t.Errorf("undisturbed: %s", text)
	}
	if text, _ := said(s, "disturbed"); text != "" {
		t.Errorf("undisturbed: %s", text)
	}
	disturb(1, 1)
	if n := views(s)[0].rows[1].rate.N; n != 2 {
		t.Errorf("the figure is of %d trials, want 2", n)
	}
	text, limits := said(s, "disturbed")
	if text != "1 trial left out of the figures; the first: other processes took 40 %" || limits {
		t.Errorf("one of three: %s", text)
	}
	if text, _ := said(s, "trials"); text != "12, none void" {
		t.Errorf("one of three: %s", text)
	}
	disturb(2, 2)
	if n := views(s)[0].rows[2].rate.N; n != 3 {
		t.Errorf("the figure is of %d trials, want 3", n)
	}
	text, limits = said(s, "disturbed")
	if !strings.Contains(text, "2 trials disturbed: figures include them") || !strings.Contains(text, "closed loop) 2 of 3") || !limits {
		t.Errorf("two of three: %s", text)
	}
}

// A server that ran already is not said to be where ours were put.
func TestPlacementOfTargets(t *testing.T) {
	const at = "127.0.0.1:7000"
	for _, c := range []struct {
		placement string
		cells     []result.Cell
		want      string
	}{
		{"split", []result.Cell{{Backend: "epoll"}}, "split, server on CPU 0, client on CPU 1"},
		{"split", []result.Cell{{Target: at}}, "split, client on CPU 1; 127.0.0.1:7000 where it was started"},
		{"split", []result.Cell{{Backend: "epoll"}, {Target: at}, {Target: at}}, "split, server on CPU 0, client on CPU 1; 127.0.0.1:7000 where it was started"},
		{"shared", []result.Cell{{Backend: "epoll"}}, "shared, server and client both on CPU 0"},
		{"shared", []result.Cell{{Target: at}}, "shared, client on CPU 1; 127.0.0.1:7000 where it was started"},
	} {
		s := &result.Set{Plan: result.Plan{Placement: c.placement, ServerCPUs: []int{0}, ClientCPUs: []int{1}, Cells: c.cells}}
		if got := placementNote(s).text; got != c.want {
			t.Errorf("%+v: %s, want %s", c.cells, got, c.want)
		}
	}
}

// Events go by the messages that the counters saw, not by those of the window.
// Threads that ended took their switches along.
func TestEventsAndEndedThreads(t *testing.T) {
	s := newSet(1, 64)
	tr := &s.Trials[0]
	tr.Counters = map[string]uint64{"no_bufs": 5, "bytes_in": 500 * 64}
	tr.Messages, tr.Server.ThreadsEnded = 100, 3
	if text, _ := said(s, "events"); !strings.Contains(text, "no_bufs 5 (0.010 a message)") {
		t.Errorf("events: %s", text)
	}
	if text, _ := said(s, "threads"); !strings.Contains(text, "3 of the server's ended in mid-trial") {
		t.Errorf("threads: %s", text)
	}
}

// Streams by TCP under a control that paces are said to be bounded by it.
func TestPaceIsTold(t *testing.T) {
	for _, c := range []struct {
		load       result.Load
		congestion string
		told       bool
	}{
		{result.Load{Workload: "stream", Network: "tcp"}, "bbr", true},
		{result.Load{Workload: "proxy", Network: "tcp", Mode: "stream", Direction: "down"}, "bbr", true},
		{result.Load{Workload: "stream", Network: "tcp"}, "cubic", false},
		{result.Load{Workload: "stream", Network: "unix"}, "bbr", false},
		{result.Load{Workload: "proxy", Network: "tcp", Mode: "request"}, "bbr", false},
		{result.Load{Workload: "echo", Network: "tcp"}, "bbr", false},
	} {
		s := newSet(1, 64)
		s.Env.Sysctls = map[string]string{"net.ipv4.tcp_congestion_control": c.congestion}
		for i := range s.Plan.Cells {
			s.Plan.Cells[i].Load = c.load
		}
		text, limits := said(s, "pace")
		if told := strings.Contains(text, "=cubic"); told != c.told || limits != c.told {
			t.Errorf("%+v by %s: %q, %v", c.load, c.congestion, text, limits)
		}
	}
}
