package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/ringbench/ringbench/internal/testenv"
)

func sample() *Set {
	h := NewHistogram()
	for v := int64(1); v <= 1000; v++ {
		_ = h.RecordValue(v * 1000)
	}
	counted := 0.264
	return &Set{
		Schema: Schema, Version: "test", Command: []string{"ringbench", "echo"},
		Started: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Ended: time.Date(2026, 11, 22, 12, 1, 0, 0, time.UTC),
		Plan: Plan{Cells: []Cell{{Contestant: "uring", Load: Load{Workload: "echo", Network: "tcp", Conns: 64, Size: 64}}}, Trials: 1},
		Trials: []Trial{
			{Seconds: 1, Messages: 1000, Service: h, Response: &h, CountedSyscalls: &counted, Counters: map[string]uint64{"sys_wait": 264},
				Server: &Process{CPUSeconds: 0.5, Seconds: 1}},
			{Void: "server died: signal: killed"},
		},
	}
}

func temporaries(t *testing.T, dir string) []string {
	t.Helper()
	m, err := filepath.Glob(filepath.Join(dir, ".ringbench-*"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWriteThenRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	for range 2 { // the second replaces the first
		if err := Write(path, sample()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	if !got.Trials[0].Service.Equals(want.Trials[0].Service.Histogram) || !got.Trials[0].Response.Equals(want.Trials[0].Response.Histogram) {
		t.Error("histograms differ after reading back")
	}
	if got.Trials[1].Service.Histogram != nil {
		t.Error("a void trial got a histogram")
	}
	for _, s := range []*Set{got, want} {
		s.Trials[0].Service, s.Trials[0].Response = Histogram{}, nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back %+v, want %+v", got, want)
	}
	if left := temporaries(t, filepath.Dir(path)); left != nil {
		t.Errorf("left behind: %v", left)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	old := syscall.Umask(0)
	syscall.Umask(old)
	if got, want := info.Mode().Perm(), os.FileMode(0o666&^old); got != want {
		t.Errorf("mode %v, want %v", got, want)
	}
}

func TestWriteThroughASymbolicLink(t *testing.T) {
	dir := t.TempDir()
	link, target := filepath.Join(dir, "latest.json"), filepath.Join(dir, "one.json")
	if err := os.WriteFile(target, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("one.json", link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, sample()); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != "one.json" {
		t.Errorf("the link became %q, %v", to, err)
	}
	if _, err := Read(target); err != nil {
		t.Error(err)
	}
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, path string
		is         error
		want       string
	}{
		{"no directory", filepath.Join(dir, "absent", "r.json"), syscall.ENOENT, "create the directory " + filepath.Join(dir, "absent")},
		{"directory", dir, nil, "it is a directory; name a file in it"},
		{"device", "/dev/null", nil, "not a regular file; name one"},
		{"name too long", filepath.Join(dir, strings.Repeat("x", 300)), syscall.ENAMETOOLONG, "name another file"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, c.path, c.is, c.want) })
	}
	if left := temporaries(t, dir); left != nil {
		t.Errorf("left behind: %v", left)
	}
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode().IsRegular() {
		t.Fatal("/dev/null was replaced")
	}
}

func refused(t *testing.T, path string, is error, want string) {
	t.Helper()
	err := Write(path, sample())
	if err == nil {
		t.Fatal("no error")
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("%v is not %v", err, is)
	}
	if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q, want one line with %q and the path", err, want)
	}
}

func TestWriteWithoutPermission(t *testing.T) {
	dir := t.TempDir()
	if testenv.Root() == nil { // root may write anywhere, except where nobody may
		testenv.Need(t, "root", syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_RDONLY, "size=64k"))
		defer unmount(t, dir)
		refused(t, filepath.Join(dir, "r.json"), syscall.EROFS, "make "+dir+" writable")
		return
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	refused(t, filepath.Join(dir, "r.json"), os.ErrPermission, "make "+dir+" writable")
}

func TestWriteWithoutSpace(t *testing.T) {
	testenv.Need(t, "root", testenv.Root())
	dir := t.TempDir()
	testenv.Need(t, "root", syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16k"))
	defer unmount(t, dir)
	path := filepath.Join(dir, "r.json")
	if err := Write(path, sample()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := sample()
	s.Warnings = []string{strings.Repeat("x", 64<<10)}
	err = Write(path, s)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some space in "+dir) {
		t.Errorf("error %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the old result is not what it was: %v", err)
	}
	if left := temporaries(t, dir); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func unmount(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Unmount(dir, 0); err != nil {
		t.Error(err)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "good.json")
	if err := Write(path, sample()); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) []byte {
		b := bytes.Replace(good, []byte(old), []byte(new), 1)
		if bytes.Equal(b, good) {
			t.Fatalf("the sample has no %s", old)
		}
		return b
	}
	vast, err := json.Marshal(Histogram{hdrhistogram.New(1, 1<<60, 5)})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := json.Marshal(sample().Trials[0].Service)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"truncated", good[:len(good)/2], "cut short"},
		{"garbage", []byte("\x7fELF\x02\x01\x01"), "not a ringbench result: no JSON at byte 1"},
		{"two in one", append(bytes.Clone(good), good...), "no JSON at byte"},
		{"other JSON", []byte(`{"a":1}`), "names no schema"},
		{"array", []byte(`[1]`), "damaged: the file holds a JSON array"},
		{"later schema", swap(Schema, "ringbench.result/99"), `its schema is "ringbench.result/99"`},
		{"long schema", swap(Schema, strings.Repeat("x", 1e6)), "its schema is"},
		{"wrong type", swap(`"cell": 0`, `"cell": "x"`), "damaged: trial 0: cell holds a JSON string"},
		{"no such cell", swap(`"cell": 0`, `"cell": 7`), "trial 0 is of cell 7, and the plan has 1"},
		{"negative cell", swap(`"cell": 0`, `"cell": -1`), "trial 0 is of cell -1"},
		{"no such match", swap(`"cells": [`, `"matches": [{"a": 0, "b": 9}], "cells": [`), "match 0 is of cell 9, and the plan has 1"},
		{"no such find", swap(`"trials": [`, `"found": [{"sustained_cell": 1, "failed_cell": -1}], "trials": [`), "is of cell 1, and the plan has 1"},
		{"a search for nothing", swap(`"cells": [`, `"purpose": "maximum", "cells": [`), "does not say of what"},
		{"no such session", swap(`"cell": 0`, `"cell": 0, "session": 1`), "trial 0 is of session 1, and the plan has 1"},
		{"too many sessions", swap(`"cells": [`, `"sessions": 1000000000000, "cells": [`), "the plan has 1000000000000 sessions"},
		{"negative cell's", swap(`"message_bytes": 64`, `"message_bytes": -64`), "cell 0 has a negative number"},
		{"vastly many parts", append(append(bytes.Clone(good[:len(good)-2]), `,"x":[`...), strings.Repeat("{},", objectsMax)...), "more than 2097152 parts"},
		{"negative time", swap(`"window_seconds": 1`, `"window_seconds": -1`), "lasted -1 seconds"},
		{"broken histogram", swap(`"service_time": "HIST`, `"service_time": "XIST`), "decode histogram"},
		{"vast histogram", swap(string(ours), string(vast)), "more than any of ringbench's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := filepath.Join(dir, "bad.json")
			if err := os.WriteFile(p, c.file, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Read(p)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), p) ||
				strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
				t.Errorf("error %v, want one short line with %q and the path", err, c.want)
			}
		})
	}
	if _, err := Read(filepath.Join(dir, "absent.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	if _, err := Read(dir); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("directory: %v", err)
	}
}

func TestReadLimitsTheSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(sizeMax + 1); err != nil { // sparse
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "larger than 256 MiB") {
		t.Errorf("error %v", err)
	}
}

// What a file asks of memory is bounded for all its histograms together.
func TestReadLimitsHistograms(t *testing.T) {
	s := sample()
	s.Trials = slices.Repeat(s.Trials[:1], 3)
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	each := s.Trials[0].Service.ByteSize() // and as much for the response time
	if err := new(Set).unmarshal(b, 6*each); err != nil {
		t.Error(err)
	}
	if err := new(Set).unmarshal(b, 6*each-1); err == nil || !strings.Contains(err.Error(), "the histograms of its first 3 trials take more than") {
		t.Errorf("error %v", err)
	}
}

// A file of the first schema, written by the ringbench of then, loads as what it
// would be now.
func TestReadSchema1(t *testing.T) {
	s, err := Read("testdata/1.json")
	if err != nil {
		t.Fatal(err)
	}
	want := Load{Workload: "echo", Network: "tcp", Conns: 2, Size: 64, Pipeline: 1}
	if s.Schema != Schema || len(s.Trials) != 2 || !reflect.DeepEqual(s.Plan.Loads(), []Load{want}) || s.Plan.Workload() != "echo" {
		t.Errorf("schema %q, %d trials, loads %+v", s.Schema, len(s.Trials), s.Plan.Loads())
	}
	for cell, name := range []string{"epoll", "net"} {
		if v := s.Valid(cell); s.Plan.Name(cell) != name || len(v) != 1 || v[0].Messages == 0 || v[0].Service.TotalCount() != int64(v[0].Messages) {
			t.Errorf("cell %d is %s with %+v", cell, s.Plan.Name(cell), v)
		}
	}
	path := filepath.Join(t.TempDir(), "r.json")
	if err := Write(path, s); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := testenv.Schema(t, JSONSchema)(json.RawMessage(b)); err != nil {
		t.Error(err)
	}
}

// FuzzDecode holds decode to its promise: a checked set or an error, whatever
// the file.
func FuzzDecode(f *testing.F) {
	path := filepath.Join(f.TempDir(), "r.json")
	if err := Write(path, sample()); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	old, err := os.ReadFile("testdata/1.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(old)
	f.Add(good)
	f.Add([]byte(`{"schema":"` + Schema + `"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decode(b)
		if err != nil {
			return
		}
		for i := range s.Trials {
			_ = s.Plan.Name(s.Trials[i].Cell)
			_ = s.Trials[i].Service.Supports(99)
		}
	})
}

func TestWritable(t *testing.T) {
	dir := t.TempDir()
	if err := Writable(filepath.Join(dir, "r.json")); err != nil {
		t.Error(err)
	}
	if err := Writable(filepath.Join(dir, "absent", "r.json")); err == nil || !strings.Contains(err.Error(), "create the directory") {
		t.Errorf("error %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}
