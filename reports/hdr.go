package reports

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// A latencySeries is what one clock saw of one cell.
type latencySeries struct {
	name   string // of a file without suffix, and a tag
	title  string
	trials []*result.Trial
	of     func(*result.Trial) result.Histogram
}

// latencySeries are those of all cells: in an open loop the response time and the
// service time, else this alone.
func latencies(s *result.Set) (list []latencySeries) {
	x, taken := s.Index(), map[string]bool{}
	for cell, c := range s.Plan.Cells {
		trials := x.Valid(cell)
		add := func(clock string, of func(*result.Trial) result.Histogram) {
			one := latencySeries{fileName(benchmark(s, x, cell) + "/" + clock), fmt.Sprintf("%s, %s, %s time", x.Name(cell), c.Load, clock), trials, of}
			for n := 2; taken[one.name]; n++ {
				one.name = fileName(fmt.Sprintf("%s/%s-%d", benchmark(s, x, cell), clock, n))
			}
			taken[one.name], list = true, append(list, one)
		}
		if slices.ContainsFunc(trials, func(t *result.Trial) bool { return t.Response != nil }) {
			add("response", (*result.Trial).Latency)
		}
		if len(trials) > 0 {
			add("service", func(t *result.Trial) result.Histogram { return t.Service })
		}
	}
	return list
}

// fileNameMax leaves room for a suffix within the 255 bytes that a name may have.
const fileNameMax = 200

// fileName makes a name that no file system and no shell takes for anything else. Of
// one that is too long it keeps the end, where names differ.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '/':
			return '_'
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("=+-._:", r):
			return r
		}
		return '~'
	}, s)
	if len(s) > fileNameMax {
		s = "long~" + s[len(s)-fileNameMax:]
	}
	return s
}

// HGRM writes into dir, which it makes where needed, one file for each cell and
// clock: the percentiles of the merged latencies in microseconds, as HdrHistogram's
// plotFiles.html reads them. Each file appears whole or not at all. Those of other cells
// stay, whose names say what they are of: the plotter shows several results together.
func HGRM(dir string, s *result.Set) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("write percentiles: %w; name another directory with --hgrm", err)
	}
	for _, l := range latencies(s) {
		var all []result.Histogram
		for _, t := range l.trials {
			all = append(all, l.of(t))
		}
		h, _ := result.Merge(all...)
		if h.TotalCount() == 0 {
			continue
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "#[%s; Value in microseconds]\n", clean(l.title))
		if _, err := h.PercentilesPrint(&b, 5, 1e3); err != nil {
			return fmt.Errorf("print percentiles: %w", err)
		}
		if err := result.Replace(filepath.Join(dir, l.name+".hgrm"), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// HLog prints an HdrHistogram interval log: the latencies of every trial that
// counts, in nanoseconds, tagged with their cell and clock. An interval begins when
// its trial did, which is before its window, and is as long as that.
func HLog(w io.Writer, s *result.Set) error {
	type interval struct {
		tag string
		t   *result.Trial
		h   result.Histogram
	}
	var all []interval
	start := s.Started
	for _, l := range latencies(s) {
		for _, t := range l.trials {
			if h := l.of(t); h.Histogram != nil && h.TotalCount() > 0 {
				all = append(all, interval{l.name, t, h})
				if t.Started.Before(start) {
					start = t.Started
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b interval) int { return cmp.Compare(a.t.Order, b.t.Order) })
	b := bufio.NewWriter(w)
	at := float64(start.UnixMilli()) / 1e3
	fmt.Fprintf(b, "#[Histogram log format version 1.3]\n#[StartTime: %.3f (seconds since epoch), %s]\n#[BaseTime: %.3f (seconds since epoch)]\n", at, start.UTC().Format(time.RFC3339), at)
	fmt.Fprintln(b, `"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"`)
	for _, i := range all {
		coded, err := i.h.EncodeV2()
		if err != nil {
			return fmt.Errorf("encode histogram: %w", err)
		}
		fmt.Fprintf(b, "Tag=%s,%.3f,%.3f,%.3f,%s\n", i.tag, i.t.Started.Sub(start).Seconds(), i.t.Seconds, float64(i.h.Max())/1e6, coded)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}
