package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/storage"
	"github.com/ringbench/ringbench/workloads"
)

// What the page cache has of a file before a trial.
const (
	Hot  = "hot"  // all
	Cold = "cold" // nothing
)

// The orders in which a file is read.
const (
	Random     = "random"
	Sequential = "sequential"
)

// ReadGrid is every combination of its values.
type ReadGrid struct {
	Sizes, Depths []int
	Patterns      []string
	Caches        []string // empty: hot
	Op            string
	Direct        bool
	File          string // to read; "": one of ringbench's own
	FileBytes     int64  // of it; 0: all, or defaultBytes
	Dir           string // of ringbench's own
	Pace                 // of operations
}

// DefaultFileBytes is the size of a file of ringbench's own.
const DefaultFileBytes = 256 << 20

// defaultLogBytes is what a log may have, by default, where there is room for twice
// as much: more than any loop appends and syncs in a second, with blocks of 1 MiB
// in memory too.
const defaultLogBytes = 16 << 30

// defaultBytes is how many a file of ringbench's own has, or may have, by default.
func (g *ReadGrid) defaultBytes() int64 {
	if g.Op != workloads.OpAppend {
		return DefaultFileBytes
	}
	n, most := int64(defaultLogBytes), storage.Most(g.Dir)/2
	for n > DefaultFileBytes && n > most {
		n /= 2 // a power of two: the same from run to run, though what is free is not
	}
	return n
}

// Limits of what can be asked for.
const (
	maxBlock   = 16 << 20
	maxDepth   = 1024
	maxReading = 1 << 30 // bytes in flight
)

// Loads implements Grid.
func (g *ReadGrid) Loads() (loads []result.Load, err error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	l := result.Load{Workload: "read", Op: g.Op, Direct: g.Direct}
	if l.FileBytes, err = g.place(); err != nil {
		return nil, err
	}
	if l.File = g.File; l.File == "" {
		l.Dir = g.Dir
	}
	patterns, caches := g.Patterns, g.Caches
	switch {
	case g.Op == workloads.OpAppend:
		patterns, caches = []string{""}, []string{""}
	case g.Direct:
		caches = []string{""}
	case len(caches) == 0:
		caches = []string{Hot}
	}
	for _, l.Cache = range caches {
		for _, l.Pattern = range patterns {
			for _, l.Size = range g.Sizes {
				for _, l.Depth = range g.Depths {
					loads = append(loads, g.paced(l)...)
				}
			}
		}
	}
	return loads, nil
}

func (g *ReadGrid) check() error {
	if err := inRange(bounded{"--bs", g.Sizes, 512, maxBlock}, bounded{"--depth", g.Depths, 1, maxDepth}); err != nil {
		return err
	}
	for _, n := range g.Sizes {
		if n%512 != 0 {
			return fmt.Errorf("--bs=%d must be a multiple of 512", n)
		}
	}
	if size, depth := slices.Max(g.Sizes), slices.Max(g.Depths); size*depth > maxReading {
		return fmt.Errorf("--bs=%d times --depth=%d is more than %d MiB in flight", size, depth, maxReading>>20)
	}
	if err := oneOf("--op", []string{g.Op}, workloads.OpRead, workloads.OpWrite, workloads.OpFsync, workloads.OpAppend); err != nil {
		return err
	}
	if err := oneOf("--pattern", g.Patterns, Random, Sequential); err != nil {
		return err
	}
	if err := g.Pace.check(); err != nil {
		return err
	}
	switch {
	case g.Op == workloads.OpAppend && !slices.Equal(g.Patterns, []string{Random}):
		return errors.New("--op=append writes at the end of the file: leave --pattern out")
	case len(g.Caches) > 0 && g.Direct:
		return errors.New("--direct goes around the page cache: leave --cache out")
	case len(g.Caches) > 0 && g.Op == workloads.OpAppend:
		return errors.New("--op=append begins with an empty file: leave --cache out")
	case len(g.Caches) > 0:
		return oneOf("--cache", g.Caches, Hot, Cold)
	}
	return nil
}

// oneOf checks a flag that takes words.
func oneOf(flag string, values []string, known ...string) error {
	if len(values) == 0 {
		return fmt.Errorf("%s names no value", flag)
	}
	for _, v := range values {
		if !slices.Contains(known, v) {
			return fmt.Errorf("unknown %s %q: known are %s", flag, v, strings.Join(known, ", "))
		}
	}
	return nil
}

// place checks where the file is, or is to be, and says how much of it is used.
func (g *ReadGrid) place() (bytes int64, err error) {
	path := g.Dir
	if g.File != "" {
		path = g.File
		if bytes, err = g.foreign(); err != nil {
			return 0, err
		}
	} else {
		if bytes = g.FileBytes; bytes == 0 {
			bytes = g.defaultBytes()
		}
		if err := storage.Room(g.Dir, bytes); err != nil {
			return 0, err
		}
	}
	if most := int64(slices.Max(g.Sizes)); bytes < most {
		return 0, fmt.Errorf("--bs=%d: the file has %d bytes, less than one block", most, bytes)
	}
	on := storage.Examine(path)
	if g.Direct {
		for _, n := range g.Sizes {
			if err := storage.Direct(path, on, n); err != nil {
				return 0, err
			}
		}
	}
	if slices.Contains(g.Caches, Cold) && storage.InMemory(on) {
		return 0, fmt.Errorf("--cache=cold: %s is on %s, which is always in memory; use --dir or --file on a device", path, on.FileSystem)
	}
	return bytes, nil
}

// foreign checks a file that is there, and says how much of it is used.
func (g *ReadGrid) foreign() (bytes int64, err error) {
	if g.Op != workloads.OpRead {
		return 0, fmt.Errorf("--file=%s is only read, never written: leave it out, and --op=%s has a file of its own in --dir", g.File, g.Op)
	}
	info, err := os.Stat(g.File)
	var e *fs.PathError
	if errors.As(err, &e) {
		err = e.Err
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("--file=%s: %w", g.File, err)
	case info.IsDir():
		return 0, fmt.Errorf("--file=%s is a directory; name a file, or a directory for a file of ringbench's own with --dir", g.File)
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("--file=%s is no regular file, and no other is opened", g.File)
	case info.Size() == 0:
		return 0, fmt.Errorf("--file=%s is empty", g.File)
	case unix.Access(g.File, unix.R_OK) != nil:
		return 0, fmt.Errorf("--file=%s: %w", g.File, unix.EACCES)
	case g.FileBytes > info.Size():
		return 0, fmt.Errorf("--file-size=%d: %s has %d bytes", g.FileBytes, g.File, info.Size())
	}
	if g.File, err = filepath.Abs(g.File); err != nil {
		return 0, fmt.Errorf("--file: %w", err)
	}
	if g.FileBytes > 0 {
		return g.FileBytes, nil
	}
	return info.Size(), nil
}

// lone is why two contestants cannot have a load at the same moment on one file.
func lone(l result.Load) error {
	switch {
	case l.Op != "" && l.Op != workloads.OpRead:
		return fmt.Errorf("--duet has both contestants on one file, and with --op=%s they would wait for each other's locks; leave --duet out", l.Op)
	case l.Cache == Cold:
		return errors.New("--duet has both contestants on one file, and with --cache=cold each would find what the other has read; leave --duet out, or use --direct")
	}
	return nil
}
