package ctwin

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/testenv"
)

// A file that is what it should be is read until the stop, and every read counts
// once; a word that is wrong, or that the file has lost, ends the program.
func TestReads(t *testing.T) {
	const blocks, block, seed = 16, 8192, 5
	right := make([]byte, blocks*block)
	for i := 0; i < len(right); i += 8 {
		binary.LittleEndian.PutUint64(right[i:], uint64(i/8+1)*0x9E3779B97F4A7C15^seed)
	}
	changed := func(at int) []byte {
		b := append([]byte{}, right...)
		b[at] ^= 1
		return b
	}
	for name, c := range map[string]struct {
		holds []byte
		want  string // that the program says
	}{
		"right": {holds: right},
		"first": {changed(3 * block), "wrong ones"},
		"mark":  {changed(3*block + 4096), "wrong ones"},
		"last":  {changed(4*block - 1), "wrong ones"},
		"other": {changed(3*block + 800), "wrong ones"},
		"short": {right[:len(right)-1], "a read at 122880 brought 8191 bytes"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, c.holds, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, program := range []string{ReadPread, ReadUring} {
			t.Run(program+"/"+name, func(t *testing.T) {
				programs := built(t)
				if UsesRing(program) {
					testenv.Need(t, "uring", uringAvailable())
				}
				p, err := child.Start(child.Spec{
					Command: []string{programs.Path(program), path, fmt.Sprint(len(right)), fmt.Sprint(block), "4", fmt.Sprint(seed), "random"},
					Answers: true,
				})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Stop(time.Second)
				call := func(method string, in, out any) {
					t.Helper()
					if err := p.Call(t.Context(), method, in, out); err != nil {
						t.Fatal(err)
					}
				}
				call("ready", nil, nil)
				now := load.Monotonic()
				if err := p.Call(t.Context(), "start", load.Window{Start: now, Open: now, Close: now + 1e18}, nil); err != nil && c.want == "" {
					t.Fatal(err)
				}
				if c.want != "" {
					if exit := p.Exit(); !strings.Contains(exit.Stderr, c.want) || exit.Status != "exit status 1" {
						t.Errorf("%v, want %q", exit, c.want)
					}
					return
				}
				var said struct {
					Ended, Messages uint64
					Latencies       [][2]int64
				}
				call("stop", nil, &said)
				most := load.Monotonic() - now
				sum, before := uint64(0), int64(-1)
				for _, l := range said.Latencies {
					if l[0] <= before || l[0] > most || l[1] < 1 {
						t.Errorf("latency %d ns, %d times, after %d", l[0], l[1], before)
					}
					before = l[0]
					sum += uint64(l[1])
				}
				if said.Ended == 0 || said.Messages != said.Ended || sum != said.Ended {
					t.Errorf("%d reads ended, %d in the window, %d latencies", said.Ended, said.Messages, sum)
				}
				call("hang up", nil, nil)
				if err := p.Stop(10 * time.Second); err != nil || !p.Exit().OK {
					t.Errorf("at SIGTERM: %v, %v", err, p.Exit())
				}
			})
		}
	}
}
