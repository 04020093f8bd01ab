package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// All outputs of one run: files that are what they claim, a table that fits,
// and silence on a standard error that is no terminal.
func TestOutputs(t *testing.T) {
	t.Parallel()
	args := shortEcho("--backend=epoll", "--size=64,1000", "-o", "r.json", "--html=r.html", "--png=plots", "--svg=plots", "--seed=7")
	r := newRun(t, args...).start().wait(exitOK, "r.json", "r.html", "plots")
	r.prints("epoll", "messages/s", "× 64 B", "× 1000 B")
	if r.stderr.Len() > 0 {
		t.Errorf("standard error: %q", &r.stderr)
	}
	set := r.result("r.json")
	if len(set.Trials) != 2 || set.Plan.Seed != 7 || set.Interrupted || set.Schema != result.Schema {
		t.Errorf("%d trials, seed %d, interrupted %v, schema %q", len(set.Trials), set.Plan.Seed, set.Interrupted, set.Schema)
	}
	if want := append([]string{"ringbench"}, args...); !slices.Equal(set.Command, want) {
		t.Errorf("command %q, want %q", set.Command, want)
	}
	page, err := os.ReadFile(filepath.Join(r.dir, "r.html"))
	if err != nil || !bytes.Contains(page, []byte("</html>")) || !bytes.Contains(page, []byte("<svg")) {
		t.Errorf("no whole page with plots: %v", err)
	}
	for _, name := range []string{"throughput.png", "latency.png", "cpu.png"} {
		b, err := os.ReadFile(filepath.Join(r.dir, "plots", name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		name = strings.Replace(name, ".png", ".svg", 1)
		if b, err := os.ReadFile(filepath.Join(r.dir, "plots", name)); err != nil || !bytes.Contains(b, []byte("</svg>")) {
			t.Errorf("no whole %s: %v", name, err)
		}
	}
}

// With --json the raw result is all there is on standard output.
func TestJSON(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortEcho("--backend=epoll", "--json", "-o", "r.json")...).start().wait(exitOK, "r.json")
	if r.stderr.Len() > 0 {
		t.Errorf("standard error: %q", &r.stderr)
	}
	file, err := os.ReadFile(filepath.Join(r.dir, "r.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, r.stdout.Bytes()) {
		t.Errorf("standard output is not the file:\n%s", &r.stdout)
	}
	r.result("r.json")
}

// An existing file is replaced as a whole, through a link, too.
func TestOutputReplaces(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortEcho("--backend=epoll", "-o", "link.json")...)
	if err := os.WriteFile(filepath.Join(r.dir, "old.json"), bytes.Repeat([]byte("old "), 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("old.json", filepath.Join(r.dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	r.start().wait(exitOK, "link.json", "old.json").result("old.json")
}

// Standard output that takes nothing is a failure, and the file is written all the same.
func TestFullStandardOutput(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--json=true", "--json=false"} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		testenv.Need(t, "dev", err)
		defer full.Close()
		r := newRun(t, shortEcho("--backend=epoll", flag, "-o", "r.json")...)
		r.cmd.Stdout = full
		r.start().wait(exitFailed, "r.json").says("no space left on device").result("r.json")
	}
}

// smallDisk mounts a file system of so many bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	testenv.Need(t, "root", testenv.Root())
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		testenv.Need(t, "root", fmt.Errorf("mount a tmpfs: %w", err))
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all that is left on a disk.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, err = f.Write(make([]byte, 4096)); err == nil; {
		_, err = f.Write(make([]byte, 4096))
	}
}

func onlyFiller(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "filler" {
		t.Errorf("on the full disk: %v, %v", entries, err)
	}
}

// A disk that is full is found out before the run, one that gets full meanwhile
// after it; the table is printed then.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		dir := smallDisk(t, 1<<20)
		fill(t, dir)
		newRun(t, shortEcho("--backend=epoll", "-o", dir+"/r.json")...).start().wait(exitUsage).says("r.json: no space left on device; free some space in "+dir, "or name a file elsewhere")
		onlyFiller(t, dir)
	})
	t.Run("meanwhile", func(t *testing.T) {
		dir := smallDisk(t, 1<<20)
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		script := filepath.Join(t.TempDir(), "server") // which fills the disk before it serves
		if err := os.WriteFile(script, []byte("cat /dev/zero >"+dir+"/filler 2>/dev/null\nexec "+exe+" "+serverRole+" good $1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r := newRun(t, shortEcho("--server-cmd=mine=sh "+script+" {port}", "--html="+dir+"/r.html", "-o", dir+"/r.json")...).start()
		r.wait(exitFailed).prints("mine", "messages/s")
		if s := r.stderr.String(); strings.Count(s, "no space left on device; free some space in "+dir) != 2 {
			t.Errorf("standard error: %q", s)
		}
		onlyFiller(t, dir)
	})
}

// An interrupt whose result cannot be written is a failure, which leaves the blocks
// that were kept before.
func TestFullDiskInterrupted(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 1<<20)
	r := newRun(t, shortEcho("--backend=epoll", "--trials=1000", "-o", dir+"/r.json")...).start()
	r.threeServers()
	fill(t, dir)
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.wait(exitFailed).prints("messages/s")
	first, second, _ := strings.Cut(r.stderr.String(), "\n")
	if first != "ringbench: interrupted" || !strings.HasPrefix(second, "ringbench: write "+dir+"/r.json: no space left on device") {
		t.Errorf("standard error: %q", &r.stderr)
	}
	if set, err := result.Read(dir + "/r.json.partial"); err != nil || len(set.Trials) == 0 {
		t.Errorf("the blocks before: %v", err)
	}
	if err := os.Remove(dir + "/r.json.partial"); err != nil {
		t.Error(err)
	}
	onlyFiller(t, dir)
}
