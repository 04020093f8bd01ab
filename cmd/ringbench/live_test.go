package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	testenv.Need(t, "dev", err)
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	testenv.Need(t, "dev", err)
	return master, slave
}

var control = regexp.MustCompile("\x1b\\[([0-9]*)([A-Z])|\r|\n|[^\x1b\r\n]+")

// screen is what a terminal shows in the end that is high and wide enough, by lines:
// it knows the sequences that the live view writes, and no others.
func screen(t *testing.T, written string) []string {
	t.Helper()
	lines, row, column := []string{""}, 0, 0
	for _, m := range control.FindAllStringSubmatch(written, -1) {
		switch {
		case m[0] == "\r":
			column = 0
		case m[0] == "\n":
			if row++; row == len(lines) {
				lines = append(lines, "")
			}
		case m[2] == "A":
			n, err := strconv.Atoi(m[1])
			if err != nil || n > row {
				t.Fatalf("up by %q from line %d", m[1], row)
			}
			row -= n
		case m[2] == "J" && m[1] == "" && column == 0:
			lines = append(lines[:row], "")
		case m[2] != "":
			t.Fatalf("an escape sequence that is not known: %q", m[0])
		default:
			old := []rune(lines[row])
			text := []rune(m[0])
			for len(old) < column {
				old = append(old, ' ')
			}
			lines[row] = string(old[:column]) + m[0] + string(old[min(len(old), column+len(text)):])
			column += len(text)
		}
	}
	return lines
}

// onTerminal starts r with its standard error on a terminal, and returns what was
// written to that when r has ended.
func onTerminal(t *testing.T, r *run) (written <-chan string) {
	t.Helper()
	master, slave := terminal(t)
	r.cmd.Stderr = slave
	r.start()
	slave.Close()
	shown := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(master) // ends in EIO when the last slave is closed
		shown <- string(b)
	}()
	return shown
}

// Progress is shown on a terminal, and wiped in the end.
func TestProgress(t *testing.T) {
	t.Parallel()
	var s string
	measured(func() *run {
		r := newRun(t, shortEcho("--backend=epoll,net", "--trials=2", "--output=r.json")...)
		written := onTerminal(t, r)
		r.wait(exitOK, "r.json")
		s = <-written
		return r
	})
	for _, want := range []string{"1/4  harness floor", "1/4  block 1 of 2, about ", "4/4  block 2 of 2", "epoll tcp, 4 connections", "messages/s", "ns CPU each  of 1 trial"} {
		if !strings.Contains(s, want) {
			t.Errorf("progress does not show %q: %q", want, s)
		}
	}
	if left := screen(t, s); !slices.Equal(left, []string{""}) {
		t.Errorf("progress stays on the screen: %q", left)
	}
}

// An interrupt wipes it before anything is said; one that comes twice at once, as from
// timeout(1), is one.
func TestProgressInterrupted(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortEcho("--backend=epoll", "--trials=1000")...)
	written := onTerminal(t, r)
	r.threeServers()
	for range 2 {
		if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // so that they are two
	}
	r.wait(exitInterrupted)
	if left := screen(t, <-written); !slices.Equal(left, []string{"ringbench: interrupted", ""}) {
		t.Errorf("on the screen: %q", left)
	}
}

// Between two steps nothing is written to the terminal, and each trial of the result
// lies between two: from before its processes are started until its window has ended.
func TestNothingIsDrawnInAWindow(t *testing.T) {
	t.Parallel()
	master, slave := terminal(t)
	mark := 0
	upTo := func() string { // what was written since the mark before
		mark++
		end := fmt.Sprintf("\x00%d\x00", mark)
		if _, err := slave.WriteString(end); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		for part := make([]byte, 4096); !bytes.HasSuffix(b.Bytes(), []byte(end)); {
			n, err := master.Read(part)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(part[:n])
		}
		return strings.TrimSuffix(b.String(), end)
	}
	o := bench.Options{
		Grid:     &bench.EchoGrid{Networks: []string{"tcp"}, Conns: []int{2}, Sizes: []int{64}, Pipelines: []int{1}},
		Backends: []string{"epoll"}, Loops: 1, Trials: 3, Duration: 60 * time.Millisecond, Warmup: 20 * time.Millisecond,
		Client: bench.DefaultClient, Patience: bench.DefaultPatience, Seed: 1,
	}
	p, _, err := o.Plan()
	if err != nil {
		t.Fatal(err)
	}
	draw := progress(slave)
	type step struct{ from, to time.Time }
	var steps []step
	set, err := bench.Run(t.Context(), p, func(s bench.Step, set *result.Set) {
		from := time.Now()
		if text := upTo(); text != "" {
			t.Errorf("before step %d: %q", len(steps), text)
		}
		draw(s, set)
		if text := upTo(); text == "" {
			t.Errorf("nothing is drawn in step %d", len(steps))
		}
		steps = append(steps, step{from, time.Now()})
	}, nil)
	if err != nil || len(set.Trials) != 3 || len(steps) != 5 {
		t.Fatalf("%d trials, %d steps, %v", len(set.Trials), len(steps), err)
	}
	for i, tr := range set.Trials {
		ended := tr.Started.Add(o.Warmup + time.Duration(tr.Seconds*float64(time.Second)))
		if before, after := steps[i+1], steps[i+2]; tr.Started.Before(before.to) || ended.After(after.from) {
			t.Errorf("trial %d from %v to %v, drawn until %v and from %v on", i, tr.Started, ended, before.to, after.from)
		}
	}
}
