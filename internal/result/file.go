package result

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// sizeMax bounds what Read takes: a trial of ours is a few kilobytes, so a
// file beyond this is not a result.
const sizeMax = 256 << 20

// objectsMax bounds what the structures of a file take of memory, which is more
// than its bytes: a trial of ours has less than ten.
const objectsMax = 2 << 20

// Write stores s at path, as Replace does.
func Write(path string, s *Set) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return Replace(path, append(b, '\n'))
}

// Read loads a result. Whatever the file holds, the outcome is a Set whose
// trials name cells that exist, or an error of one line.
func Read(path string) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	defer f.Close()
	tooLarge := fmt.Errorf("read result %s: larger than %d MiB, so not a ringbench result", path, sizeMax>>20)
	var b bytes.Buffer
	if info, err := f.Stat(); err == nil { // a pipe has no size
		if info.Size() > sizeMax {
			return nil, tooLarge
		}
		b.Grow(int(info.Size()) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(io.LimitReader(f, sizeMax+1)); err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	if b.Len() > sizeMax {
		return nil, tooLarge
	}
	s, err := decode(b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("read result %s: %w", path, err)
	}
	return s, nil
}

func decode(b []byte) (*Set, error) {
	if n := bytes.Count(b, []byte("{")); n > objectsMax {
		return nil, fmt.Errorf("it has more than %d parts, so it is not a ringbench result", objectsMax)
	}
	s, workload := new(Set), ""
	err := s.unmarshal(b, histogramsMost())
	if err != nil || s.Schema != Schema { // what names this one need not be gone through again
		var foreign error
		if workload, foreign = schemaOf(b); foreign != nil {
			return nil, foreign
		}
	}
	if err != nil {
		return nil, notJSON(err, len(b))
	}
	if s.Schema == schema1 {
		s.Schema = Schema
		for i := range s.Plan.Cells {
			s.Plan.Cells[i].Workload = workload
		}
	}
	return s, s.check()
}

// schemaOf is an error for what is no result, or one that this package does not read,
// and else the workload of all cells, in a file of schema1.
func schemaOf(b []byte) (workload string, err error) {
	var head struct {
		Schema *string `json:"schema"`
		Plan   struct {
			Workload string `json:"workload"`
		} `json:"plan"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return "", notJSON(err, len(b))
	}
	switch {
	case head.Schema == nil:
		return "", errors.New("it names no schema, so it is not a ringbench result")
	case *head.Schema != Schema && *head.Schema != schema1:
		return "", fmt.Errorf("its schema is %.60q and this ringbench reads %q and %q; use the ringbench that wrote it", *head.Schema, schema1, Schema)
	}
	return head.Plan.Workload, nil
}

// schema1 named the workload once, in its plan.
const schema1 = "ringbench.result/1"

// histogramsMost is what the histograms of a file may take of memory: half of the
// machine's, or those of nine thousand trials in closed loop. A file of a few megabytes
// can ask for more than any machine has.
func histogramsMost() int {
	const least = 2 << 30
	var have unix.Sysinfo_t
	if err := unix.Sysinfo(&have); err != nil {
		return least
	}
	return max(least, int(uint64(have.Totalram)*uint64(have.Unit)/2))
}

var errMemory = errors.New("join fewer trials, or read it where there is more")

// unmarshal is json.Unmarshal trial by trial, so that it ends when the histograms
// of those before take more than so many bytes.
func (s *Set) unmarshal(b []byte, histograms int) error {
	type plain Set
	file := struct {
		*plain
		Trials []json.RawMessage `json:"trials"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(b, &file); err != nil {
		return err
	}
	size := 0
	for some := range slices.Chunk(file.Trials, 32) {
		trials, err := trialsOf(some)
		for i := range trials {
			t := &trials[i]
			for _, h := range []*Histogram{&t.Service, t.Response, t.SendLag, t.BacklogWait} {
				if h != nil && h.Histogram != nil {
					size += h.ByteSize()
				}
			}
			if size > histograms {
				return fmt.Errorf("the histograms of its first %d trials take more than %d MiB of memory: %w", len(s.Trials)+i+1, histograms>>20, errMemory)
			}
		}
		if s.Trials = append(s.Trials, trials...); err != nil {
			return fmt.Errorf("trial %d: %w", len(s.Trials), err)
		}
	}
	return nil
}

// trialsOf decodes trials on all CPUs, up to the first that has an error.
func trialsOf(raw []json.RawMessage) ([]Trial, error) {
	trials, errs := make([]Trial, len(raw)), make([]error, len(raw))
	workers := min(runtime.GOMAXPROCS(0), len(raw))
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(raw); i += workers {
				errs[i] = json.Unmarshal(raw[i], &trials[i])
			}
		})
	}
	group.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return trials[:i], errs[i]
	}
	return trials, nil
}

func notJSON(err error, size int) error {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.Is(err, errMemory):
		return err
	case size == 0:
		return errors.New("the file is empty; run the benchmark again")
	case errors.As(err, &syntax) && syntax.Offset >= int64(size):
		return errors.New("the file is cut short; copy it again, or run the benchmark again")
	case errors.As(err, &syntax):
		return fmt.Errorf("not a ringbench result: no JSON at byte %d (%w)", syntax.Offset, err)
	case errors.As(err, &wrong): // whose own words are of Go's types
		where := strings.TrimSuffix(err.Error(), wrong.Error()) + wrong.Field
		return fmt.Errorf("damaged: %s holds a JSON %s, which it cannot", cmp.Or(strings.TrimSuffix(where, ": "), "the file"), wrong.Value)
	}
	return fmt.Errorf("damaged: %w", err)
}

// check holds a Set read from a file to what the code that uses it assumes.
func (s *Set) check() error {
	if s.Plan.Sessions < 0 || s.Plan.Sessions > SessionsMax {
		return fmt.Errorf("damaged: the plan has %d sessions", s.Plan.Sessions)
	}
	for i, c := range s.Plan.Cells {
		if min(c.Conns, c.Size, c.Pipeline, c.Requests, c.Idle, c.Depth, c.Buffer, c.Loops, c.Workers) < 0 || c.FileBytes < 0 || c.Rate < 0 {
			return fmt.Errorf("damaged: cell %d has a negative number", i)
		}
	}
	if s.Plan.Purpose == PurposeMaximum && (s.Plan.Search == nil || len(s.Plan.Search.Objectives) == 0) {
		return errors.New("damaged: the plan is to find the highest rates, and does not say of what")
	}
	for i, f := range s.Found {
		for _, cell := range []int{f.Sustained, f.Failed} {
			if cell < -1 || cell >= len(s.Plan.Cells) {
				return fmt.Errorf("damaged: what was found as number %d is of cell %d, and the plan has %d", i, cell, len(s.Plan.Cells))
			}
		}
	}
	for i, m := range s.Plan.Matches {
		for _, cell := range []int{m.A, m.B} {
			if cell < 0 || cell >= len(s.Plan.Cells) {
				return fmt.Errorf("damaged: match %d is of cell %d, and the plan has %d", i, cell, len(s.Plan.Cells))
			}
		}
	}
	for i := range s.Trials {
		t := &s.Trials[i]
		if t.Cell < 0 || t.Cell >= len(s.Plan.Cells) {
			return fmt.Errorf("damaged: trial %d is of cell %d, and the plan has %d", i, t.Cell, len(s.Plan.Cells))
		}
		if t.Session < 0 || t.Session >= max(1, s.Plan.Sessions) {
			return fmt.Errorf("damaged: trial %d is of session %d, and the plan has %d", i, t.Session, max(1, s.Plan.Sessions))
		}
		if t.Seconds < 0 {
			return fmt.Errorf("damaged: trial %d lasted %v seconds", i, t.Seconds)
		}
	}
	return nil
}
