package main

import (
	"os"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

func shortStream(args ...string) []string {
	return append([]string{"stream", "--duration=100ms", "--warmup=50ms", "--trials=1", "--audit=false", "--conns=4"}, args...)
}

// ourServer is a foreign server that is ours: it opens the file that it is given.
func ourServer(t *testing.T, args string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ringbench := t.TempDir() + "/ringbench" // by which name the test's program is ringbench
	if err := os.Symlink(exe, ringbench); err != nil {
		t.Fatal(err)
	}
	return "--server-cmd=mine=" + ringbench + " serve stream --listen=127.0.0.1:{port} --buf-size=65536 --file=" + args
}

// Files of several sizes from servers of ours and of others, in tables that say
// what that is a second and a KiB; nothing is left in the directory.
func TestStream(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	r := measured(func() *run {
		return newRun(t, shortStream("--backend=epoll,net", ourServer(t, "{file} --backend=epoll+sendfile"), "--file-size=4k,100k", "-o", "r.json")...).start().wait(exitOK, "r.json")
	})
	r.prints("epoll", "net", "mine", "MB/s", "server CPU ns/file", "ns/KiB", "4 connections at a time, a file of 4 KiB each, buffers of 64 KiB")
	set := r.result("r.json")
	for _, trial := range set.Trials {
		const conns = 4 // of each a file may have come in part
		if size := uint64(set.Plan.Cells[trial.Cell].FileBytes); trial.FileBytes != int64(size) || trial.Bytes+conns*size < trial.Messages*size || trial.Bytes > (trial.Messages+conns)*size {
			t.Errorf("%d bytes in %d files of %d", trial.Bytes, trial.Messages, size)
		}
	}
	if left, err := os.ReadDir(r.tmp); err != nil || len(left) > 0 {
		t.Errorf("%v is left in the directory for the file: %v", left, err)
	}
}

// A server that sends another file, or less of it than it should, makes its trial
// void for a reason that says so.
func TestStreamOfBrokenServers(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct{ file, want string }{
		"shorter": {"/etc/passwd", "the server closed it after"},
		"other":   {"/proc/self/exe", "the server sent a wrong byte"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := x.file
			if name == "shorter" {
				file = t.TempDir() + "/empty"
				if err := os.WriteFile(file, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			newRun(t, shortStream(ourServer(t, "{file} --file="+file+" --backend=epoll"), "--duration=2s", "--file-size=1m")...).start().wait(exitFailed).says(x.want)
		})
	}
}

// Ctrl-C in mid-load leaves no process and no file behind, one with a name neither,
// and what was measured is written.
func TestStreamInterrupted(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortStream("--backend=epoll,net", "--trials=1000", "-o", "r.json", "--protocol=http", "--requests-per-conn=2",
		ourServer(t, "{dir}/file --protocol=http --backend=epoll+sendfile"))...).start()
	servers := map[int]bool{}
	r.eventually("three servers one after the other", func() bool {
		for _, pid := range r.processes("rb-stream") {
			servers[pid] = true
		}
		return len(servers) >= 3
	})
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.wait(exitInterrupted, "r.json").says("ringbench: interrupted").prints("http, tcp, 4 connections at a time, 2 requests each for a file of 1 MiB", "files", "interrupted: the plan was not finished")
}
