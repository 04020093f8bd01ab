package history

import (
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"
)

// surroundings are the keys of the Go benchmark format that are conditions.
var surroundings = []string{"goos", "goarch", "cpu", "toolchain"}

// Import reads what `go test -bench` prints: an entry for each commit (the keys commit
// and commit-time, which such a file may have) and set of conditions, in the order of
// the file. Where it does not tell a commit or a time, those given are taken. A
// benchmark is a contestant, its package the load, and units are those of benchfmt:
// seconds and bytes. Name is for errors.
func Import(r io.Reader, name, commit string, at time.Time, labels map[string]string) ([]*Entry, error) {
	b := importing{commit: commit, at: at.UTC(), labels: labels, values: map[*Entry]map[Key][]float64{}}
	in := benchfmt.NewReader(r, name)
	for in.Scan() {
		switch rec := in.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, fmt.Errorf("%w; it must be what go test -bench prints", rec)
		case *benchfmt.Result:
			b.add(rec)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("import %s: %w", name, err)
	}
	if len(b.entries) == 0 {
		return nil, fmt.Errorf("import %s: there is no benchmark in it; it must be what go test -bench prints", name)
	}
	for _, e := range b.entries {
		b.fill(e, in.Units())
	}
	return b.entries, nil
}

type importing struct {
	commit  string
	at      time.Time
	labels  map[string]string
	entries []*Entry
	values  map[*Entry]map[Key][]float64
	order   []Key // as they came
}

func (b *importing) add(r *benchfmt.Result) {
	e := &Entry{Schema: Schema, Time: b.at, Commit: b.commit, Labels: maps.Clone(b.labels), Conditions: map[string]string{}}
	for _, k := range surroundings {
		if v := r.GetConfig(k); v != "" {
			e.Conditions[k] = v
		}
	}
	if c := r.GetConfig("commit"); c != "" {
		e.Commit = c
	}
	if t, err := time.Parse(time.RFC3339, r.GetConfig("commit-time")); err == nil {
		e.Time = t.UTC()
	}
	e = b.merged(e)
	full, procs := string(r.Name), ""
	if i := strings.LastIndexByte(full, '-'); i >= 0 {
		if _, err := strconv.Atoi(full[i+1:]); err == nil {
			full, procs = full[:i], full[i+1:]
		}
	}
	load := r.GetConfig("pkg")
	if procs != "" {
		load = strings.TrimPrefix(load+", "+procs+" CPUs", ", ")
	}
	for _, v := range r.Values {
		k := Key{full, load, v.Unit, ""}
		if _, ok := b.values[e][k]; !ok {
			b.order = append(b.order, k)
		}
		b.values[e][k] = append(b.values[e][k], v.Value)
	}
}

// merged is the entry that is like e but for its figures.
func (b *importing) merged(e *Entry) *Entry {
	for _, o := range b.entries {
		if o.Commit == e.Commit && o.Time.Equal(e.Time) && o.Environment() == e.Environment() {
			return o
		}
	}
	b.entries, b.values[e] = append(b.entries, e), map[Key][]float64{}
	return e
}

func (b *importing) fill(e *Entry, units benchfmt.UnitMetadataMap) {
	for _, k := range b.order {
		values, ok := b.values[e][k]
		if !ok {
			continue
		}
		delete(b.values[e], k) // b.order has it once an entry
		f, ok := figure(k.Metric, "", units.GetBetter(k.Metric) > 0, values)
		if !ok {
			continue
		}
		if n := len(e.Cells); n == 0 || e.Cells[n-1].Contestant != k.Contestant || e.Cells[n-1].Load != k.Load {
			e.Cells = append(e.Cells, Cell{Contestant: k.Contestant, Load: k.Load})
		}
		last := &e.Cells[len(e.Cells)-1]
		last.Figures = append(last.Figures, f)
	}
}
