package workloads_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	_ "github.com/ringbench/ringbench/backends/null"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/workloads"
)

// word is the pattern by another way: byte by byte, from its definition. Word n
// of a file is (n+1) times the golden ratio's 64 bits, xor the seed.
func word(off int64, seed uint64) (b [8]byte) {
	n := uint64(off/8) + 1
	var product uint64
	for bit := range 64 {
		if uint64(0x9E3779B97F4A7C15)>>bit&1 == 1 {
			product += n << bit
		}
	}
	for i := range b {
		b[i] = byte((product ^ seed) >> (8 * i))
	}
	return b
}

// filled is what a file of n bytes holds.
func filled(n int, seed uint64) []byte {
	var all []byte
	for off := 0; off < n; off += 8 {
		w := word(int64(off), seed)
		all = append(all, w[:]...)
	}
	return all
}

const (
	fileSeed = 77
	blocks   = 40
)

func TestPattern(t *testing.T) {
	p := workloads.NewPattern(fileSeed)
	want := filled(3*4096, fileSeed)
	got := make([]byte, len(want))
	p.Fill(got, 0)
	if string(got) != string(want) {
		t.Fatal("Fill writes something else")
	}
	block := want[4096 : 2*4096+512+8] // words are compared four at a time, and one is left
	for i := range block {
		block[i] ^= 1
		whole, marked := p.Holds(block, 4096), p.Marked(block, 4096)
		if mark := i%4096 < 8 || i >= len(block)-8; whole || marked == mark {
			t.Fatalf("byte %d is wrong: whole %v, marked %v", i, whole, marked)
		}
		block[i] ^= 1
	}
	if !p.Holds(block, 4096) || !p.Marked(block, 4096) || p.Holds(block, 0) || p.Marked(block, 0) {
		t.Error("a block is not known by its place")
	}
	stamped := filled(2*4096, fileSeed)
	p.Stamp(stamped, 8192, 1000)
	for i := range stamped {
		if generation, ok := p.Stamped(stamped, 8192); !ok || generation != 1000 {
			t.Fatalf("a stamped block is not known: generation %d, %v", generation, ok)
		}
		stamped[i] ^= 1
		if _, ok := p.Stamped(stamped, 8192); ok {
			t.Fatalf("byte %d of a stamped block is wrong and it passes", i)
		}
		stamped[i] ^= 1
	}
	if _, ok := p.Stamped(stamped, 4096); ok {
		t.Error("a stamped block passes for another place")
	}
}

// fileLoad is a load on a file of blocks of size bytes that is filled.
func fileLoad(t *testing.T, backend, op string, size int) workloads.ReadConfig {
	t.Helper()
	b, err := backends.Lookup(backend)
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, strings.FieldsFunc(backend, func(r rune) bool { return r == '+' || r == '-' })[0], b.Probe())
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, filled(blocks*size, fileSeed), 0o600); err != nil {
		t.Fatal(err)
	}
	return workloads.ReadConfig{Backend: backend, Op: op, Path: path, Bytes: int64(blocks * size), Size: size, Depth: 5, Loops: 2, Random: true, Seed: fileSeed}
}

// startReads begins a load whose window is all of it.
func startReads(t *testing.T, cfg workloads.ReadConfig) *workloads.Reader {
	t.Helper()
	r, err := workloads.StartReads(cfg)
	if err != nil {
		t.Fatal(err)
	}
	now := load.Monotonic()
	r.Start(load.Window{Start: now, Open: now, Close: now + 1e15})
	return r
}

func awaitProgress(t *testing.T, r *workloads.Reader, n float64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); r.Progress() < n; time.Sleep(time.Millisecond) {
		select {
		case err := <-r.Failed():
			t.Fatal(err)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%v operations in a minute", r.Progress())
		}
	}
}

// Each operation on each backend; what the file holds afterwards is read by
// pread and compared with another implementation of the pattern.
func TestReads(t *testing.T) {
	const size = 1536 // three sectors, no whole page
	for _, backend := range append([]string{"uring+fixedbufs", "uring-link"}, families...) {
		for _, op := range []string{workloads.OpRead, workloads.OpWrite, workloads.OpFsync, workloads.OpAppend} {
			for _, random := range []bool{true, false} {
				if op == workloads.OpAppend && random {
					continue
				}
				name := backend + "/" + op
				if random {
					name += "/random"
				}
				t.Run(name, func(t *testing.T) {
					cfg := fileLoad(t, backend, op, size)
					cfg.Random = random
					enough := float64(3 * blocks)
					if op == workloads.OpAppend {
						cfg.Bytes = 1 << 40
						enough = 20
					}
					r := startReads(t, cfg)
					awaitProgress(t, r, enough)
					report, err := r.Stop()
					if err != nil {
						t.Fatal(err)
					}
					r.Close()
					n := report.Counters
					in, out, syncs := report.Answered*size, uint64(0), uint64(0)
					if op != workloads.OpRead {
						in, out = out, in
					}
					if n[backends.BytesIn] != in || n[backends.BytesOut] != out || report.Messages != report.Answered ||
						report.Bytes != report.Answered*size || report.Service.TotalCount() != int64(report.Answered) {
						t.Errorf("%d operations, %d in the window, %d values: %d bytes in, %d out", report.Answered, report.Messages, report.Service.TotalCount(), n[backends.BytesIn], n[backends.BytesOut])
					}
					if fixed := n[backends.FixedFileOps]; (fixed > 0) != (backend == "uring+fixedbufs" && op == workloads.OpRead) || fixed > 0 && fixed != report.Answered {
						t.Errorf("%d of %d by registered buffers", fixed, report.Answered)
					}
					if op == workloads.OpFsync || op == workloads.OpAppend {
						syncs = report.Answered
					}
					if calls := n[backends.SysOther]; backend == "threadpool" && (calls < syncs || calls > syncs+uint64(10*cfg.Depth)) {
						t.Errorf("%d other system calls, %d syncs", calls, syncs)
					}
					checkFile(t, cfg, report.Answered)
				})
			}
		}
	}
}

// checkFile demands that the file holds what it was filled with, or blocks that
// one load has written.
func checkFile(t *testing.T, cfg workloads.ReadConfig, ended uint64) {
	t.Helper()
	all, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	size := cfg.Size
	before := filled(blocks*size, fileSeed)
	switch {
	case cfg.Op == workloads.OpRead:
		if string(all) != string(before) {
			t.Error("reading has changed the file")
		}
		return
	case cfg.Op == workloads.OpAppend && len(all) != int(ended)*size, cfg.Op != workloads.OpAppend && len(all) != len(before):
		t.Fatalf("the file has %d bytes after %d writes of %d", len(all), ended, size)
	}
	var seed uint64
	written := 0
	for off := 0; off < len(all); off += size {
		b := all[off : off+size]
		if cfg.Op != workloads.OpAppend && string(b) == string(before[off:off+size]) {
			continue
		}
		plain := word(16, 0) // the first that is no mark
		key := binary.LittleEndian.Uint64(b[16:]) ^ binary.LittleEndian.Uint64(plain[:])
		if written++; written == 1 {
			seed = key
		}
		want := filled(size, key)
		plain = word(int64(off), key)
		generation := binary.LittleEndian.Uint64(b) ^ binary.LittleEndian.Uint64(plain[:])
		first, second := word(int64(off), key^generation), word(int64(off+8), key^^generation)
		copy(want, append(first[:], second[:]...))
		if key != seed || key == fileSeed || string(b) != string(want) {
			t.Fatalf("the block at %d is neither what it was nor what was written", off)
		}
	}
	if want := min(int(ended), 20); written < want {
		t.Errorf("%d blocks were written by %d writes", written, ended)
	}
}

// A wrong byte in any block ends the load, as do a file that shrinks and, where
// nobody knows what the file holds, a read that pread does not confirm.
func TestReadsFindFault(t *testing.T) {
	for _, backend := range families {
		for name, c := range map[string]struct {
			foreign bool
			spoil   func(t *testing.T, f *os.File)
			says    string
		}{
			"wrong":    {false, func(t *testing.T, f *os.File) { overwrite(t, f, 4096*7, 1) }, "brought wrong ones"},
			"hidden":   {false, func(t *testing.T, f *os.File) { overwrite(t, f, 4096*7+1000, 1) }, "brought wrong ones"},
			"shrunk":   {false, func(t *testing.T, f *os.File) { truncate(t, f, 4096*7+100) }, "the file has shrunk to 28772 bytes"},
			"vanished": {true, func(t *testing.T, f *os.File) { truncate(t, f, 0) }, "the file has shrunk to 0 bytes"},
		} {
			t.Run(backend+"/"+name, func(t *testing.T) {
				cfg := fileLoad(t, backend, workloads.OpRead, 8192)
				cfg.Foreign = c.foreign
				r := startReads(t, cfg)
				awaitProgress(t, r, blocks)
				c.spoil(t, openFile(t, cfg.Path))
				select {
				case err := <-r.Failed():
					if !strings.Contains(err.Error(), c.says) {
						t.Errorf("%v; want %q", err, c.says)
					}
				case <-time.After(time.Minute):
					t.Error("nothing is found in a minute")
				}
				_, _ = r.Stop()
				r.Close()
			})
		}
		t.Run(backend+"/foreign", func(t *testing.T) {
			cfg := fileLoad(t, backend, workloads.OpRead, 4096)
			cfg.Foreign = true
			r := startReads(t, cfg)
			awaitProgress(t, r, 10*blocks)
			if _, err := r.Stop(); err != nil {
				t.Error(err)
			}
			r = startReads(t, cfg)
			awaitProgress(t, r, 10*blocks)
			f := openFile(t, cfg.Path)
			for b := range blocks {
				overwrite(t, f, int64(b)*4096+99, 3)
			}
			// Whatever was read before differs from what pread finds at the end.
			if _, err := r.Stop(); err == nil || !strings.Contains(err.Error(), "are others than pread brings") {
				t.Errorf("%v", err)
			}
		})
	}
}

func openFile(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func overwrite(t *testing.T, f *os.File, off int64, b byte) {
	t.Helper()
	if _, err := f.WriteAt([]byte{b}, off); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, f *os.File, size int64) {
	t.Helper()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}

// A log that has no room left ends the load.
func TestLogFull(t *testing.T) {
	cfg := fileLoad(t, "threadpool", workloads.OpAppend, 4096)
	cfg.Bytes = 10 * 4096
	r := startReads(t, cfg)
	select {
	case err := <-r.Failed():
		if !strings.Contains(err.Error(), "the log has all of its 40960 bytes") {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the log goes on")
	}
	_, _ = r.Stop()
}

// needDirect skips where the load's file cannot be opened around the page cache.
func needDirect(t *testing.T, cfg workloads.ReadConfig) {
	t.Helper()
	f, err := os.OpenFile(cfg.Path, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		testenv.Need(t, "disk", err)
	} else {
		f.Close()
	}
}

// Around the page cache: buffers are aligned on every backend.
func TestReadsDirect(t *testing.T) {
	for _, backend := range families {
		t.Run(backend, func(t *testing.T) {
			cfg := fileLoad(t, backend, workloads.OpRead, 4096)
			needDirect(t, cfg)
			for _, cfg.Op = range []string{workloads.OpRead, workloads.OpWrite} {
				cfg.Direct = true
				r := startReads(t, cfg)
				awaitProgress(t, r, blocks)
				report, err := r.Stop()
				if err != nil {
					t.Fatal(err)
				}
				r.Close()
				checkFile(t, cfg, report.Answered)
			}
		})
	}
}

// The harness's floor has no file.
func TestReadsFloor(t *testing.T) {
	for _, op := range []string{workloads.OpRead, workloads.OpWrite, workloads.OpFsync, workloads.OpAppend} {
		r := startReads(t, workloads.ReadConfig{Backend: "null", Op: op, Bytes: 40960, Size: 4096, Depth: 4, Loops: 1, Random: op == workloads.OpRead})
		awaitProgress(t, r, 1000)
		if report, err := r.Stop(); err != nil || report.Messages < 1000 {
			t.Errorf("%s: %v", op, err)
		}
	}
}
